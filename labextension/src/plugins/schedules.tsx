import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import React from 'react';
import { mlopsIcon } from '../icons';
import { ids, NAMESPACE } from '../names';
import { Hyperparameter, Schedule, Setting, Timetable } from '../records';
import { Asked, Texts } from '../views/fields';
import { AskForm } from '../views/form';
import { bodyOf, inOrder, planOf, timesOf, whatOf } from '../views/scheduling';
import { described } from './args';
import { sure, tried } from './asking';
import { atHand } from './at_hand';
import { asked } from './dialogs';
import { IMlops } from './service';
import { IVerb, partsOf, sourcesOf, verbs } from './verbs';

type Args = Record<string, any>;
const TRAINING = 'training';

/** What can be done with schedules, where the server offers them. */
export const schedules: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:schedules`,
  description: 'Commands to make, change, pause, fire and delete schedules.',
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
    const { commands, serviceManager } = app;
    const { service, trans, projects } = mlops;
    const project = (args: Args): string => args.project ?? projects.current ?? '';
    const at = (args: Args) => `/schedules/${encodeURIComponent(args.name)}`;
    const pathOf = atHand(tracker, browser);
    const known: IVerb[] = Object.values(verbs(trans));

    const notebooksOf = async (folder: string): Promise<string[]> => {
      const { content } = await serviceManager.contents.get(folder);
      return content.filter((one: { type: string }) => one.type === 'notebook').map((one: { path: string }) => one.path);
    };
    const zoneOf = async (folder: string): Promise<string> => {
      const { settings } = await service.ask<{ settings: Setting[] }>('GET', '/config', folder);
      return String(settings.find(one => one.name === 'schedule.timezone')?.value ?? 'UTC');
    };

    /** Return the form of a new schedule; what the pipeline takes depends on what it is to do. */
    const form = async (folder: string, path: string | undefined): Promise<(texts: Texts) => Promise<Asked>> => {
      const [sources, notebooks, zone] = await Promise.all([sourcesOf(service, folder), notebooksOf(folder), zoneOf(folder)]);
      return async texts => {
        const pipeline = texts.pipeline ?? TRAINING;
        const verb = known.find(one => one.pipeline === pipeline);
        const notebook = texts.notebook ?? path;
        const parameters = [TRAINING, 'tuning'].includes(pipeline) && notebook ? await parametersOf(folder, notebook) : [];
        const more = verb === undefined ? [] : await partsOf(service, trans, verb, sources, parameters, 'arguments.');
        return now => [
          whatOf(trans, { ...sources, notebooks }, now, path),
          ...inOrder([...timesOf(trans, { project: folder, zone }, now), ...planOf(trans, now, parameters, sources, more)])
        ];
      };
    };
    const parametersOf = (folder: string, path: string) => {
      const query = { notebook: path };
      const asking = service.ask<{ parameters: Hyperparameter[] }>('GET', '/parameters', folder, { query });
      return asking.then(
        ({ parameters }) => parameters,
        // The server says it when the schedule is sent; the path may still be being typed.
        () => []
      );
    };

    commands.addCommand(ids.schedule, {
      label: trans.__('Schedule…'),
      caption: trans.__('Run a notebook, or another pipeline, at its times'),
      icon: args => (args.selected ? mlopsIcon : undefined),
      describedBy: described(['project', 'path']),
      isEnabled: args => pathOf(args) !== undefined || project(args) !== '' || projects.current !== undefined,
      execute: async (args: Args) => {
        const path = args.project === undefined ? pathOf(args) : args.path;
        const folder = path === undefined ? project(args) : ((await projects.of(PathExt.dirname(path))) ?? '');
        const load = form(folder, path);
        const made = await asked(mlops, {
          title: trans.__('New schedule'),
          accept: trans.__('Schedule'),
          draw: tell => <AskForm load={async texts => (await load)(texts)} on={texts => `${texts.pipeline} ${texts.notebook}`} tell={tell} />,
          send: chosen => service.ask<Schedule>('POST', '/schedules', folder, { body: bodyOf(chosen) })
        });
        if (made !== undefined) {
          await commands.execute(ids.openSchedule, { project: folder, name: made.name });
        }
        return made;
      }
    });
    commands.addCommand(ids.editSchedule, {
      label: trans.__('Edit Schedule…'),
      caption: trans.__('Give a schedule other times or policies; its history stays'),
      describedBy: described(['project', 'name'], ['name']),
      execute: async (args: Args) => {
        const folder = project(args);
        const load = async (): Promise<Asked> => {
          const { schedules } = await service.ask<Timetable>('GET', '/schedules', folder, { query: { name: args.name } });
          return now => timesOf(trans, { project: folder, zone: schedules[0].timezone, before: schedules[0] }, now);
        };
        return asked(mlops, {
          title: trans.__('Edit schedule %1', args.name),
          accept: trans.__('Save'),
          draw: tell => <AskForm load={load} tell={tell} />,
          send: chosen => service.ask<Schedule>('PATCH', at(args), folder, { body: bodyOf(chosen) })
        });
      }
    });
    commands.addCommand(ids.reschedule, {
      label: args => (args.now ? trans.__('Run Schedule Now') : args.pause ? trans.__('Pause Schedule') : trans.__('Change Schedule')),
      caption: trans.__('Pause, resume or fire a schedule, or give it another time'),
      describedBy: described(['project', 'name', 'pause', 'resume', 'now', 'cron'], ['name']),
      execute: ({ project: folder, name, ...body }: Args) =>
        tried(() => service.ask('PATCH', at({ name }), project({ project: folder }), { body }))
    });
    commands.addCommand(ids.unschedule, {
      label: trans.__('Unschedule…'),
      caption: trans.__('Forget a schedule and its history'),
      describedBy: described(['project', 'name'], ['name']),
      execute: async (args: Args) => {
        const yes = await sure(
          trans,
          trans.__('Unschedule %1?', args.name),
          trans.__('It fires no more, and its history is gone. The runs that it has started stay.'),
          trans.__('Unschedule')
        );
        return yes ? tried(() => service.ask('DELETE', at(args), project(args))) : undefined;
      }
    });
    palette?.addItem({ command: ids.schedule, category: trans.__('MLOps') });
  }
};
