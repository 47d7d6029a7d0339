import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ids, NAMESPACE } from '../names';
import { Run, Listing } from '../records';
import { described } from './args';
import { sure, tried } from './asking';
import { IMlops } from './service';

type Args = Record<string, any>;

/** What can be done with runs. */
export const runs: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:runs`,
  description: 'Commands to cancel, resume, reproduce and delete runs.',
  autoStart: true,
  requires: [IMlops],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, mlops: IMlops, palette: ICommandPalette | null) => {
    const { commands } = app;
    const { service, trans, projects } = mlops;
    const project = (args: Args): string => args.project ?? projects.current ?? '';
    const there = () => projects.current !== undefined;
    const post = (args: Args, verb: string, body = {}) =>
      service.ask<Run>('POST', `/runs/${encodeURIComponent(args.run ?? 'latest')}/${verb}`, project(args), { body });

    commands.addCommand(ids.cancel, {
      label: args => (args.run ? trans.__('Cancel Run') : trans.__('Cancel the Latest Run…')),
      caption: trans.__('End a run and all of its processes'),
      describedBy: described(['project', 'run']),
      isEnabled: args => args.run !== undefined || there(),
      execute: async (args: Args) => {
        const yes = await sure(
          trans,
          trans.__('Cancel the run?'),
          trans.__('Run %1 and all of its processes end. What it has done so far is kept, and it can be resumed.', args.run ?? 'latest'),
          trans.__('Cancel run')
        );
        return yes ? tried(() => post(args, 'cancel')) : undefined;
      }
    });
    commands.addCommand(ids.resume, {
      label: trans.__('Resume Run'),
      caption: trans.__('Start an ended run again from the stage that failed'),
      describedBy: described(['project', 'run']),
      isEnabled: args => args.run !== undefined || there(),
      execute: (args: Args) => tried(() => post(args, 'resume'))
    });
    commands.addCommand(ids.reproduce, {
      label: args => (args.run ? trans.__('Reproduce Run') : trans.__('Reproduce the Latest Run')),
      caption: trans.__('Run it again from its record alone, and compare'),
      describedBy: described(['project', 'run']),
      isEnabled: args => args.run !== undefined || there(),
      execute: async (args: Args) => {
        const again = await tried(() => post(args, 'reproduce'));
        if (again !== undefined) {
          await commands.execute(ids.openRun, { project: project(args), run: again.id });
        }
        return again;
      }
    });
    commands.addCommand(ids.deleteRun, {
      label: trans.__('Delete Run…'),
      caption: trans.__('Delete a run’s record, its snapshot and its run in MLflow'),
      describedBy: described(['project', 'run'], ['run']),
      execute: async (args: Args) => {
        const yes = await sure(
          trans,
          trans.__('Delete the run?'),
          trans.__('The record of run %1, its snapshot and its run in MLflow are deleted. This cannot be undone.', args.run),
          trans.__('Delete')
        );
        if (yes) {
          await tried(() => service.ask('DELETE', `/runs/${encodeURIComponent(args.run)}`, project(args)));
        }
      }
    });
    commands.addCommand(ids.openLatest, {
      label: trans.__('Show the Latest Run'),
      caption: trans.__('Show what the latest run does or did'),
      describedBy: described(['project']),
      isEnabled: there,
      execute: async (args: Args) => {
        const listing = await tried(() => service.ask<Listing>('GET', '/runs', project(args), { query: { limit: 1 } }));
        const latest = listing?.runs[0];
        if (latest === undefined) {
          Notification.info(trans.__('This project has no runs yet.'), { autoClose: 8_000 });
          return;
        }
        await commands.execute(ids.openRun, { project: project(args), run: latest.id });
      }
    });
    for (const command of [ids.openLatest, ids.cancel, ids.resume, ids.reproduce]) {
      palette?.addItem({ command, category: trans.__('MLOps') });
    }
  }
};
