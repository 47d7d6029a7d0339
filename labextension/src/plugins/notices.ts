import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IDisposable } from '@lumino/disposable';
import { IEvent } from '../events';
import { ids, NAMESPACE } from '../names';
import { ENDED } from '../views/pieces';
import { IMlops } from './service';

const ID = `${NAMESPACE}:notices`;

/** Say when a run has ended that was seen going on. */
export const notices: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'A notification when a run has ended.',
  autoStart: true,
  requires: [IMlops],
  optional: [ISettingRegistry],
  activate: (app: JupyterFrontEnd, mlops: IMlops, registry: ISettingRegistry | null) => {
    const { trans, projects, service } = mlops;
    const going = new Set<string>();
    let wanted = true;
    void registry?.load(ID).then(settings => {
      const read = () => void (wanted = settings.get('notify').composite !== false);
      settings.changed.connect(read);
      read();
    });

    const heard = (project: string, event: IEvent) => {
      if (event.kind !== 'run' || event.data === null) {
        return;
      }
      const { state, notebook } = event.data.run;
      if (!ENDED.has(state)) {
        going.add(event.id);
      } else if (going.delete(event.id) && wanted) {
        const said = trans.__('The run of %1 has ended: %2', notebook, state);
        const actions = [
          {
            label: trans.__('Show'),
            callback: () => void app.commands.execute(ids.openRun, { project, run: event.id })
          }
        ];
        const emit = state === 'SUCCEEDED' ? Notification.success : Notification.warning;
        emit(said, { actions, autoClose: 8_000 });
      }
    };
    let listening: IDisposable | undefined;
    const listen = () => {
      listening?.dispose();
      const project = projects.current;
      listening = project === undefined ? undefined : service.events(project).listen(event => heard(project, event));
    };
    projects.changed.connect(listen);
    listen();
  }
};
