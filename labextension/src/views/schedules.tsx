import { deleteIcon, pauseIcon, runIcon, fastForwardIcon } from '@jupyterlab/ui-components';
import React from 'react';
import { ids } from '../names';
import { Schedule, Timetable } from '../records';
import { useLive, useSurroundings } from './context';
import { Action, Problem, State } from './pieces';

/** The schedules of a project. */
export function Schedules({ project }: { project: string }): React.ReactElement {
  const { service, trans, commands } = useSurroundings();
  const load = () => service.ask<Timetable>('GET', '/schedules', project);
  const { value, problem } = useLive(project, load, event => event.kind === 'schedule', []);
  return (
    <div className="mlops-Section">
      <Problem error={problem} />
      {value?.schedules.length === 0 && <p className="mlops-Empty">{trans.__('Nothing is scheduled.')}</p>}
      <ul className="mlops-List" aria-label={trans.__('Schedules')}>
        {value?.schedules.map(one => {
          const last = one.history.at(0);
          const args = { project, name: one.name };
          return (
            <li key={one.name} className="mlops-Row">
              <button
                type="button"
                className="mlops-Row-main"
                disabled={last === undefined}
                onClick={() => void commands.execute(ids.openRun, { project, run: last!.run_id })}
              >
                <span className="mlops-Row-line">
                  {last && <State state={last.state} short />}
                  <span className="mlops-Row-name">{one.name}</span>
                  <span className="mlops-Row-end mlops-dim">{when(one)}</span>
                </span>
                <span className="mlops-Row-line mlops-dim">
                  <span className="mlops-Row-name">
                    {one.trouble ?? (one.paused ? trans.__('paused') : trans.__('next: %1', one.upcoming[0] ?? trans.__('none')))}
                  </span>
                </span>
              </button>
              <div className="mlops-Row-actions">
                <Action command={ids.reschedule} args={{ ...args, now: true }} label={trans.__('Run now')} about={one.name} icon={<fastForwardIcon.react tag="span" className="mlops-Icon" />} />
                {one.paused ? (
                  <Action command={ids.reschedule} args={{ ...args, resume: true }} label={trans.__('Go on')} about={one.name} icon={<runIcon.react tag="span" className="mlops-Icon" />} />
                ) : (
                  <Action command={ids.reschedule} args={{ ...args, pause: true }} label={trans.__('Pause')} about={one.name} icon={<pauseIcon.react tag="span" className="mlops-Icon" />} />
                )}
                <Action command={ids.unschedule} args={args} label={trans.__('Delete…')} about={one.name} icon={<deleteIcon.react tag="span" className="mlops-Icon" />} />
              </div>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function when(of: Schedule): string {
  return of.cron ? `${of.cron} ${of.timezone}` : of.every_s ? `every ${of.every_s} s` : of.on_change ? 'on change' : '';
}
