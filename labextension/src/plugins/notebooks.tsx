import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, IToolbarWidgetRegistry, showDialog } from '@jupyterlab/apputils';
import { ICellModel } from '@jupyterlab/cells';
import { PathExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ToolbarButton } from '@jupyterlab/ui-components';
import React from 'react';
import { mlopsIcon } from '../icons';
import { ids, NAMESPACE } from '../names';
import { Fix, Hyperparameter, Run, Setting, Status } from '../records';
import { View } from '../views/context';
import { IBefore, initial, Pinned, TrainForm } from '../views/train';
import { described } from './args';
import { atHand, trainable } from './at_hand';
import { asked } from './dialogs';
import { ofSession } from './session';
import { IMlops } from './service';

type Args = Record<string, any>;
const TAG = 'parameters';
const LOCAL = 'local';

/** What can be done with a notebook: train it, look at its findings, mark its parameters. */
export const notebooks: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:notebooks`,
  description: 'Train a notebook from its toolbar, the file browser or the palette.',
  autoStart: true,
  requires: [IMlops, INotebookTracker],
  optional: [IDefaultFileBrowser, IToolbarWidgetRegistry, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    mlops: IMlops,
    tracker: INotebookTracker,
    browser: IDefaultFileBrowser | null,
    toolbar: IToolbarWidgetRegistry | null,
    palette: ICommandPalette | null
  ) => {
    const { commands } = app;
    const { trans, service } = mlops;
    const pathOf = atHand(tracker, browser);
    const panelOf = (path: string): NotebookPanel | undefined => tracker.find(panel => panel.context.path === path);
    const there = (args: Args): boolean => pathOf(args) !== undefined;

    const before = async (path: string): Promise<IBefore> => {
      const folder = PathExt.dirname(path);
      await saved(panelOf(path));
      const query = { notebook: path };
      const [status, parameters, datasets, config, live] = await Promise.all([
        service.ask<Status>('GET', '/status', folder, { query }),
        service.ask<{ parameters: Hyperparameter[] }>('GET', '/parameters', folder, { query }),
        service.ask<{ datasets: string[] }>('GET', '/datasets', folder),
        service.ask<{ settings: Setting[] }>('GET', '/config', folder),
        ofSession(panelOf(path))
      ]);
      const backend = String(config.settings.find(one => one.name === 'run.backend')?.value ?? LOCAL);
      return {
        status,
        parameters: parameters.parameters.map(one => live.get(one.name) ?? one),
        pinned: Object.fromEntries(parameters.parameters.map(one => [one.name, initial(one)])),
        datasets: datasets.datasets,
        backend,
        backends: [LOCAL, 'kubeflow']
      };
    };
    const mend = (path: string) => async (fix: Fix): Promise<string> => {
      if (fix.kind === 'track') {
        const body = { path: fix.path };
        const { pointer } = await service.ask<{ pointer: string }>('POST', '/track', PathExt.dirname(path), { body });
        return trans.__('%1 has the new version; commit it when it suits you.', pointer);
      }
      await commands.execute('docmanager:open', { path });
      const panel = panelOf(path)!;
      await panel.context.ready;
      tag(panel.content.widgets[fix.cell! - 1].model);
      await saved(panel);
      return trans.__('Cell %1 is tagged `%2`.', fix.cell, TAG);
    };

    commands.addCommand(ids.train, {
      label: args => (args.toolbar ? trans.__('Train') : trans.__('Train Notebook…')),
      caption: trans.__('Pin code, data and parameters, and train this notebook'),
      icon: args => (args.toolbar || args.selected ? mlopsIcon : undefined),
      describedBy: described(['path']),
      isEnabled: there,
      execute: async (args: Args) => {
        const path = pathOf(args);
        if (path === undefined) {
          return undefined;
        }
        const project = (await mlops.projects.of(PathExt.dirname(path))) ?? '';
        const run = await asked(mlops, {
          title: trans.__('Train %1', PathExt.basename(path)),
          accept: trans.__('Train'),
          draw: tell => <TrainForm load={() => before(path)} mend={mend(path)} tell={tell} />,
          send: chosen => service.ask<Run>('POST', '/train', project, { body: { ...chosen, notebook: path } })
        });
        if (run !== undefined) {
          await commands.execute(ids.openRun, { project, run: run.id });
        }
        return run;
      }
    });

    commands.addCommand(ids.findings, {
      label: trans.__('Show What Would Be Pinned…'),
      caption: trans.__('Look at code, data and parameters as a run would take them'),
      describedBy: described(['path']),
      isEnabled: there,
      execute: async (args: Args) => {
        const path = pathOf(args)!;
        const panel = panelOf(path);
        await saved(panel);
        const query = { notebook: path };
        const load = () => service.ask<Status>('GET', '/status', PathExt.dirname(path), { query });
        const body = new View(mlops, () => (
          <div className="mlops-Train">
            <Pinned load={load} mend={mend(path)} />
          </div>
        ));
        const { button } = await showDialog({
          title: trans.__('What a run of %1 would take', PathExt.basename(path)),
          body,
          buttons: [Dialog.cancelButton({ label: trans.__('Close') }), Dialog.okButton({ label: trans.__('Train…') })]
        });
        if (button.accept) {
          await commands.execute(ids.train, { path });
        }
      }
    });

    commands.addCommand(ids.markParameters, {
      label: trans.__('Mark Cell as Parameters'),
      caption: trans.__('Tag the active cell, so that a run can set what it assigns'),
      describedBy: described([]),
      isEnabled: () => tracker.activeCell?.model.type === 'code',
      isToggled: () => tagsOf(tracker.activeCell?.model).includes(TAG),
      execute: () => {
        const cell = tracker.activeCell;
        if (cell === null) {
          return;
        }
        tag(cell.model);
        commands.notifyCommandChanged(ids.markParameters);
      }
    });
    tracker.activeCellChanged.connect(() => commands.notifyCommandChanged(ids.markParameters));

    toolbar?.addFactory<NotebookPanel>(
      'Notebook',
      'mlops-train',
      panel => {
        const button = new ToolbarButton({
          icon: mlopsIcon,
          className: 'mlops-TrainButton',
          label: trans.__('Train'),
          tooltip: trans.__('Pin code, data and parameters, and train this notebook'),
          onClick: () => void commands.execute(ids.train, { path: panel.context.path })
        });
        button.setHidden(trainable(panel.context.path) === undefined);
        return button;
      }
    );
    for (const command of [ids.train, ids.findings, ids.markParameters]) {
      palette?.addItem({ command, category: trans.__('MLOps') });
    }
  }
};

/** Save a document where it has changed, so that what is looked at is what is seen. */
export async function saved(panel: NotebookPanel | undefined): Promise<void> {
  if (panel?.context.model.dirty && !panel.context.model.readOnly) {
    await panel.context.save();
  }
}

/** Tag a cell as the parameters, or take the tag away. */
function tag(cell: ICellModel): void {
  const marked = tagsOf(cell);
  cell.setMetadata('tags', marked.includes(TAG) ? marked.filter(one => one !== TAG) : [...marked, TAG]);
}

function tagsOf(cell: ICellModel | undefined): string[] {
  const found = cell?.getMetadata('tags');
  return Array.isArray(found) ? found : [];
}
