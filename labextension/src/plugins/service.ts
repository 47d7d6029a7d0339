import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PathExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';
import { DOMAIN, NAMESPACE } from '../names';
import { Projects } from '../projects';
import { IService, Service } from '../service';
import { ISurroundings } from '../views/context';

/** What all our plugins share. */
export interface IMlops extends ISurroundings {
  service: IService;
  projects: Projects;
}

export const IMlops = new Token<IMlops>(`${NAMESPACE}:IMlops`, 'The projects of the server, and what can be done with them.');

/** The server's verbs, and the project at hand: that of the notebook or folder that is looked at. */
export const service: JupyterFrontEndPlugin<IMlops> = {
  id: `${NAMESPACE}:service`,
  description: 'Runs, deployments and schedules of the project at hand.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator, IDefaultFileBrowser],
  provides: IMlops,
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker, translator: ITranslator | null, browser: IDefaultFileBrowser | null) => {
    const projects = new Projects(app.serviceManager.contents);
    const ofNotebook = () => {
      const path = tracker.currentWidget?.context.path;
      if (path !== undefined) {
        void projects.look(PathExt.dirname(path));
      }
    };
    tracker.currentChanged.connect(ofNotebook);
    browser?.model.pathChanged.connect(model => void projects.look(model.path));
    void app.restored.then(() => (tracker.currentWidget ? ofNotebook() : projects.look(browser?.model.path ?? '')));
    return {
      service: new Service(app.serviceManager.serverSettings),
      projects,
      commands: app.commands,
      trans: (translator ?? nullTranslator).load(DOMAIN)
    };
  }
};
