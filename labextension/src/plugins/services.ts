import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { ids, NAMESPACE } from '../names';
import { Run } from '../records';
import { described } from './args';
import { sure, tried } from './asking';
import { IMlops } from './service';

type Args = Record<string, any>;

/** What can be done with deployments: each asks before it changes what clients get. */
export const services: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:deployments`,
  description: 'Commands to deploy models, and to change what serves.',
  autoStart: true,
  requires: [IMlops],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, mlops: IMlops, palette: ICommandPalette | null) => {
    const { commands } = app;
    const { service, trans, projects } = mlops;
    const project = (args: Args): string => args.project ?? projects.current ?? '';
    const at = (args: Args, verb = '') => `/deployments/${encodeURIComponent(args.name)}${verb}`;

    commands.addCommand(ids.deploy, {
      label: args => (args.what ? trans.__('Deploy…') : trans.__('Deploy the Latest Run…')),
      caption: trans.__('Put a model behind a REST endpoint'),
      describedBy: described(['project', 'what', 'name']),
      isEnabled: args => args.what !== undefined || projects.current !== undefined,
      execute: async (args: Args) => {
        const traffic = await howMuch(mlops, args.what);
        if (traffic === undefined) {
          return undefined;
        }
        const body = { what: args.what ?? 'latest', name: args.name ?? null, traffic };
        const run = await tried(() => service.ask<Run>('POST', '/deploy', project(args), { body }));
        if (run !== undefined) {
          await commands.execute(ids.openRun, { project: project(args), run: run.id });
        }
        return run;
      }
    });
    commands.addCommand(ids.promote, {
      label: trans.__('Promote Revision…'),
      caption: trans.__('Give a revision all requests'),
      describedBy: described(['project', 'name', 'revision'], ['name']),
      execute: async (args: Args) => {
        const which = args.revision ? trans.__('revision %1', args.revision) : trans.__('the newest revision');
        const yes = await sure(
          trans,
          trans.__('Promote %1?', which),
          trans.__('All requests to %1 go to %2 from now on.', args.name, which),
          trans.__('Promote')
        );
        const body = { promote: true, revision: args.revision ?? null };
        return yes ? tried(() => service.ask('POST', at(args, '/traffic'), project(args), { body })) : undefined;
      }
    });
    commands.addCommand(ids.traffic, {
      label: trans.__('Give a Canary Traffic…'),
      caption: trans.__('Give the newest revision a part of the requests'),
      describedBy: described(['project', 'name', 'revision', 'percent'], ['name', 'percent']),
      execute: async (args: Args) => {
        const yes = await sure(
          trans,
          trans.__('Change the traffic?'),
          trans.__('%1 % of the requests to %2 go to its newest revision from now on.', args.percent, args.name),
          trans.__('Change')
        );
        const body = { canary: args.percent };
        return yes ? tried(() => service.ask('POST', at(args, '/traffic'), project(args), { body })) : undefined;
      }
    });
    commands.addCommand(ids.rollback, {
      label: trans.__('Roll Back…'),
      caption: trans.__('Give all requests to the revision that served before'),
      describedBy: described(['project', 'name', 'revision'], ['name']),
      execute: async (args: Args) => {
        const yes = await sure(
          trans,
          trans.__('Roll back %1?', args.name),
          trans.__('All requests go to the revision that served before.'),
          trans.__('Roll back')
        );
        const body = { revision: args.revision ?? null };
        return yes ? tried(() => service.ask('POST', at(args, '/rollback'), project(args), { body })) : undefined;
      }
    });
    commands.addCommand(ids.undeploy, {
      label: trans.__('Take Down…'),
      caption: trans.__('Stop serving a model'),
      describedBy: described(['project', 'name'], ['name']),
      execute: async (args: Args) => {
        const yes = await sure(
          trans,
          trans.__('Take %1 down?', args.name),
          trans.__('It answers what it has, and then no request any more. Its address and revisions are gone.'),
          trans.__('Take down')
        );
        return yes ? tried(() => service.ask('DELETE', at(args), project(args))) : undefined;
      }
    });
    commands.addCommand(ids.startDeployment, {
      label: trans.__('Start Deployment'),
      caption: trans.__('Start a deployment that does not run'),
      describedBy: described(['project', 'name'], ['name']),
      execute: (args: Args) => tried(() => service.ask('POST', at(args, '/start'), project(args)))
    });
    palette?.addItem({ command: ids.deploy, category: trans.__('MLOps') });
  }
};

/** Ask what a new revision gets; undefined where the user does not want to deploy. */
async function howMuch({ trans }: IMlops, what: string | undefined): Promise<string | undefined> {
  const all = trans.__('All requests');
  const canary = trans.__('10 % of the requests (canary)');
  const shadow = trans.__('A copy of every request (shadow)');
  const { value, button } = await InputDialog.getItem({
    title: trans.__('Deploy %1', what ?? trans.__('the latest run')),
    label: trans.__('Once it is verified, the new revision gets:'),
    items: [all, canary, shadow],
    okLabel: trans.__('Deploy')
  });
  return button.accept && value !== null ? { [all]: 'replace', [canary]: '10', [shadow]: 'shadow' }[value] : undefined;
}
