import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { ExecutedNotebooks, pathOf } from '../drive';
import { ids, NAMESPACE } from '../names';
import { described } from './args';
import { tried } from './asking';
import { IMlops } from './service';

type Args = Record<string, any>;

/** Open what a run has executed as a notebook, read-only and without a kernel. */
export const executed: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:executed`,
  description: 'Opens the executed notebooks of runs.',
  autoStart: true,
  requires: [IMlops],
  optional: [IDocumentManager],
  activate: (app: JupyterFrontEnd, mlops: IMlops, documents: IDocumentManager | null) => {
    const { contents, serverSettings } = app.serviceManager;
    contents.addDrive(new ExecutedNotebooks(mlops.service, serverSettings));
    app.commands.addCommand(ids.openExecuted, {
      label: mlops.trans.__('Open the Executed Notebook'),
      caption: mlops.trans.__('Open the notebook of a run with its outputs'),
      describedBy: described(['project', 'run'], ['run']),
      isEnabled: () => documents !== null,
      execute: (args: Args) => {
        const path = pathOf(args.project ?? mlops.projects.current ?? '', args.run);
        const none = { shouldStart: false, canStart: false, autoStartDefault: false };
        return tried(async () => documents!.openOrReveal(path, 'default', undefined, {}, none));
      }
    });
  }
};
