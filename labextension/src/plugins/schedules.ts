import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ids, NAMESPACE } from '../names';
import { described } from './args';
import { sure, tried } from './asking';
import { IMlops } from './service';

type Args = Record<string, any>;

/** What can be done with schedules, where the server offers them. */
export const schedules: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:schedules`,
  description: 'Commands to pause, fire and delete schedules.',
  autoStart: true,
  requires: [IMlops],
  activate: (app: JupyterFrontEnd, { service, trans, projects }: IMlops) => {
    const project = (args: Args): string => args.project ?? projects.current ?? '';
    const at = (args: Args) => `/schedules/${encodeURIComponent(args.name)}`;

    app.commands.addCommand(ids.reschedule, {
      label: args => (args.now ? trans.__('Run Schedule Now') : args.pause ? trans.__('Pause Schedule') : trans.__('Change Schedule')),
      describedBy: described(['project', 'name', 'pause', 'resume', 'now', 'cron'], ['name']),
      execute: ({ project: _, name, ...body }: Args) =>
        tried(() => service.ask('PATCH', at({ name }), project({ project: _ }), { body }))
    });
    app.commands.addCommand(ids.unschedule, {
      label: trans.__('Delete Schedule…'),
      describedBy: described(['project', 'name'], ['name']),
      execute: async (args: Args) => {
        const yes = await sure(
          trans,
          trans.__('Delete the schedule %1?', args.name),
          trans.__('It fires no more. The runs that it has started stay.'),
          trans.__('Delete')
        );
        return yes ? tried(() => service.ask('DELETE', at(args), project(args))) : undefined;
      }
    });
  }
};
