import { deleteIcon, editIcon, fastForwardIcon, pauseIcon, runIcon } from '@jupyterlab/ui-components';
import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { ids } from '../names';
import { Firing, Schedule, Timetable } from '../records';
import { useLive, useSurroundings } from './context';
import { Action, ago, clock, Deeds, Facts, Moments, Problem, seconds, shown, State } from './pieces';
import { interval } from './scheduling';

/** The schedules of a project. */
export function Schedules({ project }: { project: string }): React.ReactElement {
  const { service, trans, commands } = useSurroundings();
  const load = () => service.ask<Timetable>('GET', '/schedules', project);
  const { value, problem } = useLive(project, load, event => event.kind === 'schedule', []);
  return (
    <div className="mlops-Section">
      <div className="mlops-Section-head">
        <Action command={ids.schedule} args={{ project }} label={trans.__('New schedule…')} />
        {value !== undefined && value.schedules.length > 0 && value.scheduler_pid === null && (
          <span className="mlops-dim" title={trans.__('jupyter mlops scheduler, or a Jupyter server in the folder of the project, fires them')}>
            {trans.__('no scheduler runs')}
          </span>
        )}
      </div>
      <Problem error={problem} />
      {value?.schedules.length === 0 && <p className="mlops-Empty">{trans.__('Nothing is scheduled.')}</p>}
      <ul className="mlops-List" aria-label={trans.__('Schedules')}>
        {value?.schedules.map(one => (
          <li key={one.id} className="mlops-Row">
            <button
              type="button"
              className="mlops-Row-main"
              onClick={() => void commands.execute(ids.openSchedule, { project, name: one.name })}
            >
              <span className="mlops-Row-line">
                {one.history[0] && <State state={one.history[0].state} short />}
                <span className="mlops-Row-name">{one.name}</span>
                <span className="mlops-Row-end mlops-dim">{whenOf(one, trans)}</span>
              </span>
              <span className="mlops-Row-line mlops-dim">
                <span className="mlops-Row-name">{nextOf(one, trans)}</span>
              </span>
            </button>
            <div className="mlops-Row-actions">
              <ScheduleActions schedule={one} project={project} />
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A schedule: when it fires, with what, and what became of each firing. */
export function ScheduleView({ project, name }: { project: string; name: string }): React.ReactElement {
  const { service, trans } = useSurroundings();
  const load = () => service.ask<Timetable>('GET', '/schedules', project, { query: { name } });
  const { value, problem } = useLive(project, load, event => event.kind === 'schedule', [name]);
  const schedule = value?.schedules[0];
  if (schedule === undefined || problem !== undefined) {
    return <div className="mlops-Page">{problem ? <Problem error={problem} /> : <p className="mlops-dim">{trans.__('Loading…')}</p>}</div>;
  }
  return (
    <div className="mlops-Page">
      <header className="mlops-Head">
        <h1 className="mlops-Head-title">{schedule.name}</h1>
        <span className="mlops-dim" role="status">
          {schedule.paused ? trans.__('paused') : schedule.pipeline}
        </span>
        <span className="mlops-Head-actions">
          <ScheduleActions schedule={schedule} project={project} words />
        </span>
      </header>
      {schedule.trouble && <p role="alert">{schedule.trouble}</p>}
      <Facts
        rows={[
          [trans.__('Fires'), whenOf(schedule, trans)],
          [trans.__('Until'), schedule.until && clock(schedule.until)],
          [trans.__('Code and data'), pinsOf(schedule, trans)],
          ...Object.entries(schedule.arguments).map(([key, given]) => [key, shown(given)] as const),
          [trans.__('Policies'), policiesOf(schedule, trans)],
          [trans.__('Fired by'), value!.scheduler_pid === null ? trans.__('nobody: no scheduler runs') : trans.__('process %1', value!.scheduler_pid)]
        ]}
      />
      <h2>{trans.__('Next firings')}</h2>
      {schedule.upcoming.length > 0 ? <Moments moments={schedule.upcoming} /> : <p className="mlops-dim">{nextOf(schedule, trans)}</p>}
      <h2>{trans.__('History')}</h2>
      {schedule.history.length > 0 ? (
        <History firings={schedule.history} project={project} />
      ) : (
        <p className="mlops-dim">{trans.__('It has not fired yet.')}</p>
      )}
    </div>
  );
}

function History({ firings, project }: { firings: Firing[]; project: string }): React.ReactElement {
  const { trans } = useSurroundings();
  return (
    <div className="mlops-Scroll" tabIndex={0} role="group" aria-label={trans.__('History')}>
      <table className="mlops-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Due')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('What became of it')}</th>
            <th scope="col">{trans.__('Took')}</th>
            <th scope="col">{trans.__('Run')}</th>
          </tr>
        </thead>
        <tbody>
          {firings.map(firing => (
            <tr key={firing.due}>
              <th scope="row" title={clock(firing.due)}>
                {ago(firing.due)}
              </th>
              <td>
                <State state={firing.state} />
              </td>
              <td>{becameOf(firing, trans)}</td>
              <td className="mlops-figure">
                {firing.started_at !== null && firing.ended_at !== null && seconds(firing.ended_at - firing.started_at)}
              </td>
              <td>
                {firing.started_at !== null && firing.state !== 'SKIPPED' && (
                  <Action command={ids.openRun} args={{ project, run: firing.run_id }} label={trans.__('Run')} about={firing.run_id} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function becameOf(firing: Firing, trans: TranslationBundle): string {
  const untold = firing.notices.filter(one => one.trouble !== null).map(one => trans.__('not told: %1', one.trouble));
  const tries = firing.tries > 1 ? [trans.__('%1 tries', firing.tries)] : [];
  const planned = firing.made_up ? [trans.__('beside its times')] : [];
  const said = [firing.reason, firing.error?.message].filter((one): one is string => Boolean(one));
  return [...said, ...tries, ...planned, ...untold].join('; ');
}

/** The buttons that fit a schedule's state. */
export function ScheduleActions({ schedule, project, words }: { schedule: Schedule; project: string; words?: boolean }): React.ReactElement {
  const { trans } = useSurroundings();
  const rests = schedule.paused
    ? { label: trans.__('Resume'), icon: runIcon, args: { resume: true } }
    : { label: trans.__('Pause'), icon: pauseIcon, args: { pause: true } };
  const deeds = [
    { command: ids.reschedule, label: trans.__('Run now'), icon: fastForwardIcon, args: { now: true } },
    { command: ids.reschedule, ...rests },
    { command: ids.editSchedule, label: trans.__('Edit…'), icon: editIcon },
    { command: ids.unschedule, label: trans.__('Unschedule…'), icon: deleteIcon }
  ];
  return <Deeds deeds={deeds} args={{ project, name: schedule.name }} about={schedule.name} words={words} />;
}

function whenOf(of: Schedule, trans: TranslationBundle): string {
  if (of.cron !== null) {
    return `${of.cron} (${of.timezone})`;
  }
  return of.every_s === null ? trans.__('on change') : trans.__('every %1', interval(of.every_s));
}

function nextOf(of: Schedule, trans: TranslationBundle): string {
  if (of.trouble !== null || of.paused) {
    return of.trouble ?? trans.__('paused');
  }
  const known = of.upcoming[0] === undefined ? trans.__('no more') : clock(of.upcoming[0]);
  return of.on_change ? trans.__('waits for a change') : trans.__('next: %1', known);
}

function pinsOf(of: Schedule, trans: TranslationBundle): string {
  if (of.frozen !== null) {
    return trans.__('frozen at %1', of.frozen.slice(0, 12));
  }
  return of.branch === null ? trans.__('as they are at each firing') : trans.__('head of %1 at each firing', of.branch);
}

function policiesOf(of: Schedule, trans: TranslationBundle): string {
  return [
    trans.__('missed: %1', of.missed),
    trans.__('overlap: %1', of.overlap),
    of.retries ? trans.__('%1 retries, the first after %2', of.retries, seconds(of.backoff_s)) : trans.__('no retries'),
    of.deadline_s ? trans.__('%1 at most', seconds(of.deadline_s)) : '',
    of.even_if_unchanged ? trans.__('also where nothing has changed') : ''
  ]
    .filter(Boolean)
    .join(' · ');
}
