import React from 'react';
import { ids } from '../names';
import { Comparison, Row } from '../records';
import { Chart, ILine, Sample } from './chart';
import { useLive, useSurroundings } from './context';
import { Action, figure, Problem, shown } from './pieces';

/** Runs side by side: what differs first, and their curves in one picture. */
export function ComparisonView({ project, runs }: { project: string; runs: readonly string[] }): React.ReactElement {
  const { service, trans } = useSurroundings();
  const [all, setAll] = React.useState(false);
  const load = () => service.ask<Comparison>('GET', '/compare', project, { query: { run_ids: runs } });
  const { value, problem } = useLive(project, load, event => event.kind === 'run' && runs.includes(event.id), [runs.join()]);
  if (value === undefined) {
    return <div className="mlops-Page">{problem ? <Problem error={problem} /> : <p className="mlops-dim">{trans.__('Loading…')}</p>}</div>;
  }
  const rows = all ? value.rows : value.rows.filter(row => row.differs);
  const same = value.rows.length - value.rows.filter(row => row.differs).length;
  return (
    <div className="mlops-Page">
      <header className="mlops-Head">
        <h1 className="mlops-Head-title">{trans._n('%1 run compared', '%1 runs compared', value.runs.length)}</h1>
        <span className="mlops-Head-actions">
          <label>
            <input type="checkbox" checked={all} onChange={event => setAll(event.target.checked)} />{' '}
            {trans.__('Show what is the same (%1)', same)}
          </label>
        </span>
      </header>
      <Problem error={problem} />
      <div className="mlops-Charts">
        {names(value).map(name => (
          <Chart key={name} name={name} lines={lines(value, name)} />
        ))}
      </div>
      <div className="mlops-Scroll" tabIndex={0} role="group" aria-label={trans.__('Comparison')}>
        <table className="mlops-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('What')}</th>
              {value.runs.map((run, place) => (
                <th scope="col" key={run}>
                  <Sample place={place} /> <Action command={ids.openRun} args={{ project, run }} label={run} />
                </th>
              ))}
            </tr>
          </thead>
          {kinds(rows).map(kind => (
            <tbody key={kind}>
              <tr>
                <th scope="rowgroup" colSpan={value.runs.length + 1} className="mlops-Table-group">
                  {kind}
                </th>
              </tr>
              {rows
                .filter(row => row.kind === kind)
                .map(row => (
                  <tr key={row.name} data-differs={row.differs}>
                    <th scope="row">{row.name}</th>
                    {row.values.map((one, i) => (
                      <td key={i} className="mlops-figure" title={shown(one)}>
                        {brief(row, one)}
                        {row.kind === 'metric' && i > 0 && change(row.values[0], one)}
                      </td>
                    ))}
                  </tr>
                ))}
            </tbody>
          ))}
        </table>
      </div>
    </div>
  );
}

function kinds(rows: Row[]): string[] {
  return [...new Set(rows.map(row => row.kind))];
}

function names(value: Comparison): string[] {
  const drawn = value.curves.flatMap(curves => curves.filter(curve => curve.count > 1).map(curve => curve.name));
  return [...new Set(drawn)];
}

function lines(value: Comparison, name: string): ILine[] {
  return value.curves.flatMap((curves, place) => {
    const curve = curves.find(one => one.name === name && one.count > 1);
    return curve === undefined ? [] : [{ curve, label: value.runs[place], place }];
  });
}

const HASH = /^[0-9a-f]{32,64}$/;

/** Return a value as a cell has room for it; all of it is in its title. */
function brief(row: Row, value: unknown): string {
  const whole = shown(value);
  if (row.kind === 'parameter') {
    return whole;
  }
  return typeof value === 'number' ? figure(value) : HASH.test(whole) ? whole.slice(0, 12) : whole;
}

function change(from: unknown, to: unknown): React.ReactElement | null {
  if (typeof from !== 'number' || typeof to !== 'number' || from === to) {
    return null;
  }
  const by = to - from;
  return <span className="mlops-dim"> {`${by > 0 ? '+' : '−'}${figure(Math.abs(by))}`}</span>;
}
