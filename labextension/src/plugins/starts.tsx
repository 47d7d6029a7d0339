import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import React from 'react';
import { mlopsIcon } from '../icons';
import { ids, NAMESPACE } from '../names';
import { Hyperparameter, Run } from '../records';
import { Asked, IField } from '../views/fields';
import { AskForm } from '../views/form';
import { described } from './args';
import { atHand } from './at_hand';
import { asked } from './dialogs';
import { IMlops } from './service';
import { IVerb, partsOf, sourcesOf, verbs } from './verbs';

type Args = Record<string, any>;

/** What starts a run beside training: evaluate, tune, update, monitor. */
export const starts: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:starts`,
  description: 'Evaluate, tune and update models, and monitor deployments.',
  autoStart: true,
  requires: [IMlops],
  optional: [INotebookTracker, IDefaultFileBrowser, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    mlops: IMlops,
    tracker: INotebookTracker | null,
    browser: IDefaultFileBrowser | null,
    palette: ICommandPalette | null
  ) => {
    const { commands } = app;
    const { trans, service, projects } = mlops;
    const known = verbs(trans);
    const pathOf = atHand(tracker, browser);
    const there = () => projects.current !== undefined;

    /** Ask with a verb's form, start its run, and show it. */
    const start = async (verb: IVerb, project: string, subject: string | undefined): Promise<Run | undefined> => {
      const load = async (): Promise<Asked> => {
        const sources = await sourcesOf(service, project);
        const parameters = verb.subject === 'notebook' ? await parametersOf(subject!) : [];
        const parts = await partsOf(service, trans, verb, sources, parameters);
        const suggestions = verb.subject === 'name' ? sources.deployments : sources.models;
        const missing: IField = { name: verb.subject, label: subjectOf(verb), type: 'str', required: true, suggestions };
        return () => (subject === undefined ? [{ title: subjectOf(verb), fields: [missing] }, ...parts] : parts);
      };
      const run = await asked(mlops, {
        title: verb.title(verb.subject === 'notebook' ? PathExt.basename(subject!) : (subject ?? '…')),
        accept: verb.accept,
        draw: tell => <AskForm load={load} tell={tell} />,
        send: chosen => {
          const { [verb.subject]: named = subject, ...body } = chosen;
          const inPath = verb.route.includes('{');
          const route = verb.route.replace(`{${verb.subject}}`, encodeURIComponent(String(named)));
          return service.ask<Run | null>('POST', route, project, { body: inPath ? body : { ...body, [verb.subject]: named } });
        }
      });
      if (run === null) {
        Notification.info(trans.__('No data are new since %1 was trained: nothing was started.', subject ?? ''), { autoClose: 8_000 });
      } else if (run !== undefined) {
        await commands.execute(ids.openRun, { project, run: run.id });
      }
      return run ?? undefined;
    };
    const subjectOf = (verb: IVerb) => (verb.subject === 'name' ? trans.__('Deployment') : trans.__('Model: a run, name/version or name@alias'));
    const parametersOf = async (path: string): Promise<Hyperparameter[]> => {
      const query = { notebook: path };
      return (await service.ask<{ parameters: Hyperparameter[] }>('GET', '/parameters', PathExt.dirname(path), { query })).parameters;
    };
    const project = (args: Args): string => args.project ?? projects.current ?? '';

    const subjects = [
      {
        id: ids.evaluate,
        verb: known.evaluate,
        subject: 'what',
        label: trans.__('Evaluate Model…'),
        caption: trans.__('Look at a model on test data: metrics, slices, the champion beside it, gates')
      },
      {
        id: ids.update,
        verb: known.update,
        subject: 'what',
        label: trans.__('Update Model…'),
        caption: trans.__('Let a model learn on from the data that are new')
      },
      {
        id: ids.monitor,
        verb: known.monitor,
        subject: 'name',
        label: trans.__('Monitor Deployment…'),
        caption: trans.__('Compare the requests of a deployment with the data that its model was trained on')
      }
    ];
    for (const { id, verb, subject, label, caption } of subjects) {
      commands.addCommand(id, {
        label,
        caption,
        describedBy: described(['project', subject]),
        isEnabled: args => args[subject] !== undefined || there(),
        execute: (args: Args) => start(verb, project(args), args[subject])
      });
    }
    commands.addCommand(ids.tune, {
      label: trans.__('Tune Notebook…'),
      caption: trans.__('Search the hyperparameters of this notebook'),
      icon: args => (args.selected ? mlopsIcon : undefined),
      describedBy: described(['path']),
      isEnabled: args => pathOf(args) !== undefined,
      execute: async (args: Args) => {
        const path = pathOf(args)!;
        return start(known.tune, (await projects.of(PathExt.dirname(path))) ?? '', path);
      }
    });
    for (const command of [ids.tune, ids.evaluate, ids.update, ids.monitor]) {
      palette?.addItem({ command, category: trans.__('MLOps') });
    }
  }
};
