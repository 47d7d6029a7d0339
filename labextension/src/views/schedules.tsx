import { deleteIcon, pauseIcon, runIcon, fastForwardIcon } from '@jupyterlab/ui-components';
import React from 'react';
import { ids } from '../names';
import { useLive, useSurroundings } from './context';
import { Action, Problem, State } from './pieces';

/** What the list shows of a schedule; the rest of the record stays with the server. */
export interface ISchedule {
  name: string;
  pipeline: string;
  arguments: Record<string, unknown>;
  cron: string | null;
  timezone: string;
  every_s: number | null;
  on_change: boolean;
  paused: boolean;
  trouble: string | null;
  upcoming: string[];
  history: { state: string; run_id: string; reason: string | null }[];
}

/** The schedules of a project. */
export function Schedules({ project }: { project: string }): React.ReactElement {
  const { service, trans, commands } = useSurroundings();
  const load = () => service.ask<{ schedules: ISchedule[] }>('GET', '/schedules', project);
  const { value, problem } = useLive(project, load, event => event.kind === 'schedule', []);
  return (
    <div className="mlops-Section">
      <Problem error={problem} />
      {value?.schedules.length === 0 && <p className="mlops-Empty">{trans.__('Nothing is scheduled.')}</p>}
      <ul className="mlops-List" aria-label={trans.__('Schedules')}>
        {value?.schedules.map(one => {
          const last = one.history[0];
          const args = { project, name: one.name };
          return (
            <li key={one.name} className="mlops-Row">
              <button
                type="button"
                className="mlops-Row-main"
                disabled={last === undefined}
                onClick={() => void commands.execute(ids.openRun, { project, run: last.run_id })}
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
                  <Action command={ids.reschedule} args={{ ...args, paused: false }} label={trans.__('Go on')} about={one.name} icon={<runIcon.react tag="span" className="mlops-Icon" />} />
                ) : (
                  <Action command={ids.reschedule} args={{ ...args, paused: true }} label={trans.__('Pause')} about={one.name} icon={<pauseIcon.react tag="span" className="mlops-Icon" />} />
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

function when(of: ISchedule): string {
  return of.cron ? `${of.cron} ${of.timezone}` : of.every_s ? `every ${of.every_s} s` : of.on_change ? 'on change' : '';
}
