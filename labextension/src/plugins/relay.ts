import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PathExt } from '@jupyterlab/coreutils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { NAMESPACE } from '../names';
import { IEvent } from '../events';
import { saved } from './notebooks';
import { IMlops } from './service';

/** Save a notebook when its kernel asks for it, as `%mlops train` does before it pins. */
export const relay: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:relay`,
  description: 'Saves a notebook when its kernel asks for it.',
  autoStart: true,
  requires: [IMlops, INotebookTracker],
  activate: (_: JupyterFrontEnd, mlops: IMlops, tracker: INotebookTracker) => {
    const save = async (event: IEvent, project: string) => {
      const panel = tracker.find(one => one.context.path === event.data.path);
      if (panel === undefined) {
        return;
      }
      const message = await saved(panel).then(
        () => '',
        error => String(error.message ?? error)
      );
      const body = { id: event.id, saved: message === '', message };
      await mlops.service.ask('POST', '/saved', project, { body });
    };
    const serve = async (panel: NotebookPanel) => {
      const project = await mlops.projects.of(PathExt.dirname(panel.context.path));
      if (project === undefined || panel.isDisposed) {
        return;
      }
      const listening = mlops.service.events(project).listen(event => {
        // One answer a document, however many listen to its project.
        if (event.kind === 'save' && event.data.path === panel.context.path) {
          void save(event, project);
        }
      });
      panel.disposed.connect(() => listening.dispose());
    };
    tracker.forEach(panel => void panel.context.ready.then(() => serve(panel)));
    tracker.widgetAdded.connect((_, panel) => void panel.context.ready.then(() => serve(panel)));
  }
};
