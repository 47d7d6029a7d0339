import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { JSONObject } from '@lumino/coreutils';
import React from 'react';
import { mlopsIcon } from '../icons';
import { ids, NAMESPACE } from '../names';
import { ComparisonView } from '../views/comparison';
import { View } from '../views/context';
import { DeploymentView } from '../views/deployment';
import { RunView } from '../views/run';
import { ScheduleView } from '../views/schedules';
import { described } from './args';
import { IMlops } from './service';

type Args = Record<string, any>;
type Page = MainAreaWidget<View>;

/** Runs, comparisons, deployments and schedules in the main area, which are there again after a reload. */
export const pages: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:pages`,
  description: 'Views of runs, comparisons, deployments and schedules in the main area.',
  autoStart: true,
  requires: [IMlops],
  optional: [ILayoutRestorer, ILabShell],
  activate: (app: JupyterFrontEnd, mlops: IMlops, restorer: ILayoutRestorer | null, lab: ILabShell | null) => {
    const { trans } = mlops;
    const tracker = new WidgetTracker<Page>({ namespace: NAMESPACE });
    const shown = new WeakMap<Page, { command: string; args: JSONObject }>();

    const page = (command: string, args: Args, title: string, draw: () => React.ReactElement) => {
      const id = `mlops ${command} ${JSON.stringify(args)}`;
      let found = tracker.find(one => one.id === id);
      if (found === undefined) {
        const content = new View(mlops, draw);
        found = new MainAreaWidget({ content });
        found.toolbar.hide();
        found.id = id;
        found.title.label = title;
        found.title.caption = `${title}\n${args.project}`;
        found.title.icon = mlopsIcon;
        found.title.closable = true;
        shown.set(found, { command, args: args as JSONObject });
        // Notebook has room for one document only.
        app.shell.add(found, lab === null ? 'down' : 'main');
        void tracker.add(found);
      }
      app.shell.activateById(found.id);
      return found;
    };
    const project = (args: Args): string => args.project ?? mlops.projects.current ?? '';

    app.commands.addCommand(ids.openRun, {
      label: trans.__('Show Run'),
      caption: trans.__('Show a run: stages, curves, logs, pins'),
      describedBy: described(['project', 'run'], ['run']),
      execute: (args: Args) => {
        const at = { project: project(args), run: args.run };
        return page(ids.openRun, at, trans.__('Run %1', args.run.slice(9, 15)), () => <RunView {...at} />);
      }
    });
    app.commands.addCommand(ids.compare, {
      label: trans.__('Compare Runs'),
      caption: trans.__('Put runs side by side'),
      describedBy: described(['project', 'runs'], ['runs']),
      execute: (args: Args) => {
        const at = { project: project(args), runs: args.runs };
        return page(ids.compare, at, trans.__('Compare %1 runs', args.runs.length), () => <ComparisonView {...at} />);
      }
    });
    app.commands.addCommand(ids.openDeployment, {
      label: trans.__('Show Deployment'),
      caption: trans.__('Show a deployment: revisions, traffic, predictions'),
      describedBy: described(['project', 'name'], ['name']),
      execute: (args: Args) => {
        const at = { project: project(args), name: args.name };
        return page(ids.openDeployment, at, args.name, () => <DeploymentView {...at} />);
      }
    });
    app.commands.addCommand(ids.openSchedule, {
      label: trans.__('Show Schedule'),
      caption: trans.__('Show a schedule: next firings, and what became of each'),
      describedBy: described(['project', 'name'], ['name']),
      execute: (args: Args) => {
        const at = { project: project(args), name: args.name };
        return page(ids.openSchedule, at, trans.__('Schedule %1', args.name), () => <ScheduleView {...at} />);
      }
    });
    // One command for the restorer, since one tracker may have one only.
    const restore = 'mlops:restore-page';
    app.commands.addCommand(restore, {
      label: trans.__('Restore a Page'),
      describedBy: { args: { type: 'object', properties: { command: { type: 'string' }, args: { type: 'object' } } } },
      execute: (args: Args) => app.commands.execute(args.command, args.args)
    });
    void restorer?.restore(tracker, { command: restore, args: one => shown.get(one)!, name: one => one.id });
  }
};
