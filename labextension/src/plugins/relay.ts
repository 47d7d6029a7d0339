import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PathExt } from '@jupyterlab/coreutils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { NAMESPACE } from '../names';
import { saved } from './notebooks';
import { IMlops } from './service';

/** Saves a notebook when its kernel asks for it, as `%mlops train` does before it pins. */
export const relay: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:relay`,
  description: 'Saves a notebook when its kernel asks for it.',
  autoStart: true,
  requires: [IMlops, INotebookTracker],
  activate: (app: JupyterFrontEnd, { projects, service }: IMlops, tracker: INotebookTracker) => {
    const { contents } = app.serviceManager;
    service.saver = async path => {
      const panel = tracker.find(one => contents.localPath(one.context.path) === path);
      if (panel === undefined) {
        return { saved: null, message: '' };
      }
      await saved(panel);
      return { saved: true, message: '' };
    };
    // Listening is what the server sees of us: as long as a notebook of a project is open.
    const attend = async (panel: NotebookPanel) => {
      const project = await projects.of(PathExt.dirname(panel.context.path));
      if (project !== undefined && !panel.isDisposed) {
        const listening = service.events(project).listen(() => undefined);
        panel.disposed.connect(() => listening.dispose());
      }
    };
    tracker.forEach(panel => void attend(panel));
    tracker.widgetAdded.connect((_, panel) => void attend(panel));
  }
};
