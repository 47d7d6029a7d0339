import React from 'react';
import { IEvent } from '../events';
import { ids } from '../names';
import { Glimpse, Hyperparameter, Moment, Run, Verdict } from '../records';
import { Refusal } from '../service';
import { Chart } from './chart';
import { ILoaded, useLive, useSurroundings } from './context';
import { hasReport, Report } from './report';
import { RunActions } from './runs';
import { Action, bytes, ENDED, Facts, figure, Findings, model, Problem, seconds, shown, Stages, State } from './pieces';
import { Tabs } from './tabs';

/** All that is known of a run, and what can be done with it. */
export function RunView({ project, run }: { project: string; run: string }): React.ReactElement {
  const { trans } = useSurroundings();
  const moment = useMoment(project, run);
  const found = moment.value;
  if (found === undefined) {
    return (
      <div className="mlops-Page">
        {moment.problem ? <Problem error={moment.problem} /> : <p className="mlops-dim">{trans.__('Loading…')}</p>}
      </div>
    );
  }
  const training = found.run.pipeline === 'training';
  const report = hasReport(found.run) ? [[trans.__('Report'), () => <Report project={project} run={found.run} />] as const] : [];
  return (
    <div className="mlops-Page">
      <Head run={found.run} project={project} />
      <Problem error={moment.problem} />
      <Stages stages={found.run.stages} />
      <Progress run={found.run} />
      <Problem error={found.run.error ?? undefined} />
      <Tabs
        label={trans.__('Parts of the run')}
        tabs={[
          ...(training ? [] : report),
          [trans.__('Metrics'), () => <Metrics moment={found} />],
          ...(training ? report : []),
          [trans.__('Parameters'), () => <Parameters run={found.run} />],
          [trans.__('Pins'), () => <Pins run={found.run} />],
          [trans.__('Artifacts'), () => <Artifacts run={found.run} project={project} />],
          [trans.__('Log'), () => <Log project={project} moment={found} />],
          ...(found.run.reproduces && ENDED.has(found.run.state)
            ? [[trans.__('Verdict'), () => <Judged project={project} run={run} />] as const]
            : [])
        ]}
      />
    </div>
  );
}

/** The same run as a card in the output of a cell. */
export function RunCard({ project, run, absent }: { project: string; run: string; absent: () => void }): React.ReactElement {
  const { trans } = useSurroundings();
  const moment = useMoment(project, run);
  const found = moment.value;
  const unknown = found === undefined && moment.problem instanceof Refusal && [404, 422].includes(moment.problem.status);
  React.useEffect(() => (unknown ? absent() : undefined), [unknown]);
  if (found === undefined) {
    return moment.problem ? <Problem error={moment.problem} /> : <p className="mlops-dim">{trans.__('Loading run %1…', run)}</p>;
  }
  return (
    <div className="mlops-Card">
      <Head run={found.run} project={project} card />
      <Stages stages={found.run.stages} />
      <Progress run={found.run} />
      <Problem error={found.run.error ?? undefined} />
      <Metrics moment={found} most={6} />
      <details>
        <summary>{trans.__('Parameters and pins')}</summary>
        <Parameters run={found.run} />
        <Pins run={found.run} />
      </details>
      {found.log.trim() && (
        <details>
          <summary>{trans.__('Last lines of the log of %1', found.stage ?? '')}</summary>
          <pre className="mlops-Log" tabIndex={0}>
            {found.log}
          </pre>
        </details>
      )}
    </div>
  );
}

function useMoment(project: string, run: string): ILoaded<Moment> {
  const { service } = useSurroundings();
  const load = () => service.ask<Moment>('GET', `/runs/${encodeURIComponent(run)}/moment`, project);
  return useLive(project, load, event => event.kind === 'run' && event.id === run, [run], merged);
}

/** Return a moment with what an event tells of it; of a run that has ended all is asked for again. */
function merged(before: Moment, event: IEvent): Moment | undefined {
  const glimpse = event.data as Glimpse | null;
  if (event.kind !== 'run' || glimpse === null || ENDED.has(glimpse.run.state)) {
    return undefined;
  }
  const { notebook: _, dirty: __, parameters: ___, ...run } = glimpse.run;
  return { ...before, ...glimpse, run: { ...before.run, ...run } };
}

function Head({ run, project, card }: { run: Run; project: string; card?: boolean }): React.ReactElement {
  const { trans } = useSurroundings();
  const Title = card ? 'div' : 'h1';
  return (
    <header className="mlops-Head">
      <span role="status">
        <State state={run.state} />
      </span>
      <Title className="mlops-Head-title">
        {run.pipeline === 'training' ? run.snapshot.notebook : `${run.pipeline} ${run.deployment ?? ''}`}
      </Title>
      <code className="mlops-dim">{run.id}</code>
      {run.seconds !== null && <span className="mlops-dim">{seconds(run.seconds)}</span>}
      <span className="mlops-Head-actions">
        {card && <Action command={ids.openRun} args={{ project, run: run.id }} label={trans.__('Open')} about={trans.__('run %1', run.id)} />}
        {!card && run.notebook && (
          <Action command={ids.openExecuted} args={{ project, run: run.id }} label={trans.__('Executed notebook')} />
        )}
        {run.deployment && (
          <Action command={ids.openDeployment} args={{ project, name: run.deployment }} label={trans.__('Deployment')} />
        )}
        {(!card || !ENDED.has(run.state)) && <RunActions run={run} project={project} words />}
      </span>
    </header>
  );
}

function Progress({ run }: { run: Run }): React.ReactElement | null {
  const { trans } = useSurroundings();
  if (run.trouble !== null) {
    return <p role="alert">{run.trouble}</p>;
  }
  if (run.ahead) {
    return <p className="mlops-dim">{trans._n('%1 run is before this one', '%1 runs are before this one', run.ahead)}</p>;
  }
  if (run.progress === null || ENDED.has(run.state) || run.progress.total === 0) {
    return null;
  }
  const { done, total, source } = run.progress;
  return (
    <div className="mlops-Progress">
      <div
        role="progressbar"
        aria-label={trans.__('Cells done')}
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={done}
        className="mlops-Progress-bar"
      >
        <div style={{ width: `${(100 * done) / total}%` }} />
      </div>
      <div className="mlops-dim mlops-cut">
        {trans.__('cell %1 of %2 done', done, total)} <code>{source}</code>
      </div>
    </div>
  );
}

function Metrics({ moment, most = 60 }: { moment: Moment; most?: number }): React.ReactElement {
  const { trans } = useSurroundings();
  const [limit, setLimit] = React.useState(most);
  const drawn = moment.curves.filter(curve => curve.count > 1);
  const names = new Set(drawn.map(curve => curve.name));
  const rest = Object.entries(moment.run.metrics)
    .filter(([name]) => !names.has(name))
    .sort(([a], [b]) => Number(b.startsWith('test_')) - Number(a.startsWith('test_')) || a.localeCompare(b));
  const hidden = drawn.length + rest.length - Math.min(drawn.length, limit) - Math.min(rest.length, limit);
  return (
    <>
      <div className="mlops-Charts">
        {drawn.slice(0, limit).map(curve => (
          <Chart key={curve.name} name={curve.name} lines={[{ curve, label: '', place: 0 }]} />
        ))}
      </div>
      <dl className="mlops-Tiles">
        {rest.slice(0, limit).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{figure(value)}</dd>
          </div>
        ))}
      </dl>
      {hidden > 0 && (
        <button type="button" className="mlops-Button" onClick={() => setLimit(Infinity)}>
          {trans.__('Show %1 more', hidden)}
        </button>
      )}
      {names.size + rest.length === 0 && <p className="mlops-dim">{trans.__('No metrics so far.')}</p>}
    </>
  );
}

function Parameters({ run }: { run: Run }): React.ReactElement {
  const { trans } = useSurroundings();
  const rows = run.snapshot.hyperparameters;
  if (rows.length === 0) {
    return <p className="mlops-dim">{trans.__('The run has no hyperparameters.')}</p>;
  }
  return (
    <div className="mlops-Scroll" tabIndex={0} role="group" aria-label={trans.__('Parameters')}>
      <table className="mlops-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Parameter')}</th>
            <th scope="col">{trans.__('Type')}</th>
            <th scope="col">{trans.__('In the cell')}</th>
            <th scope="col">{trans.__('Value')}</th>
            <th scope="col">{trans.__('From')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row: Hyperparameter) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              <td>{row.type}</td>
              <td className="mlops-figure">{row.expression ?? shown(row.default)}</td>
              <td className="mlops-figure">{row.source === 'expression' ? row.expression : shown(row.value)}</td>
              <td>{row.source}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Pins({ run }: { run: Run }): React.ReactElement {
  const { trans } = useSurroundings();
  const { code, datasets, environment, variables } = run.snapshot;
  const dirty = code.dirty && <span className="mlops-warned">{trans.__('with uncommitted changes')}</span>;
  return (
    <>
      <Facts
        rows={[
          [trans.__('Code'), <span><code>{code.sha.slice(0, 12)}</code> {code.branch ?? trans.__('no branch')} {dirty}</span>],
          [trans.__('Repository'), code.remote ?? code.repo],
          ...datasets.map(
            data =>
              [
                trans.__('Data: %1', data.role),
                <span>
                  {data.path} · <code>{data.hash.slice(0, 12)}</code> · {bytes(data.size_bytes)}{' '}
                  {data.changed && <span className="mlops-warned">{trans.__('changed since it was tracked')}</span>}
                </span>
              ] as const
          ),
          [
            trans.__('Environment'),
            <span>
              Python {environment.python}, {trans._n('%1 package', '%1 packages', environment.lock.length)} ·{' '}
              <code>{environment.hash.slice(0, 12)}</code>
            </span>
          ],
          ...Object.entries(variables).map(([name, value]) => [name, value] as const)
        ]}
      />
      {run.findings.length > 0 && <Findings findings={run.findings} />}
      <details>
        <summary>{trans.__('Packages')}</summary>
        <pre className="mlops-Log" tabIndex={0}>
          {environment.lock.join('\n')}
        </pre>
      </details>
    </>
  );
}

function Artifacts({ run, project }: { run: Run; project: string }): React.ReactElement {
  const { trans } = useSurroundings();
  const skipped = run.stages.filter(stage => stage.note);
  return (
    <>
      <Facts
        rows={[
          [trans.__('Model'), run.model && <b>{model(run.model)}</b>],
          [trans.__('Model URI'), run.model && <code>{run.model.uri}</code>],
          [
            trans.__('Executed notebook'),
            run.notebook && <Action command={ids.openExecuted} args={{ project, run: run.id }} label={trans.__('Open')} about={trans.__('the executed notebook')} />
          ],
          [trans.__('Answers at'), run.url && <code>{run.url}</code>],
          [trans.__('MLflow run'), run.mlflow_run_id && <code>{run.mlflow_run_id}</code>],
          [trans.__('MLflow store'), run.tracking_uri && <code>{run.tracking_uri}</code>],
          [trans.__('Kubeflow run'), run.kfp_run_id && <code>{run.kfp_run_id}</code>],
          [trans.__('Repeats'), run.reproduces && <code>{run.reproduces}</code>],
          ...skipped.map(stage => [trans.__('%1 skipped', stage.name), stage.note] as const)
        ]}
      />
    </>
  );
}

function Log({ project, moment }: { project: string; moment: Moment }): React.ReactElement {
  const { service, trans } = useSurroundings();
  const { run } = moment;
  const [stage, setStage] = React.useState('');
  const wanted = stage || moment.stage || run.stages[0].name;
  const load = () => service.ask<{ log: string }>('GET', `/runs/${run.id}/logs`, project, { query: { stage: wanted } });
  const log = useLive(project, load, event => event.kind === 'run' && event.id === run.id, [run.id, wanted]);
  const place = React.useRef<HTMLPreElement>(null);
  const text = log.value?.log ?? '';
  React.useLayoutEffect(() => {
    place.current!.scrollTop = place.current!.scrollHeight;
  }, [text]);
  return (
    <>
      <select className="mlops-Input" value={wanted} aria-label={trans.__('Stage')} onChange={event => setStage(event.target.value)}>
        {run.stages.map(one => (
          <option key={one.name}>{one.name}</option>
        ))}
      </select>
      <Problem error={log.problem} />
      <pre className="mlops-Log mlops-mod-tall" ref={place} tabIndex={0} aria-label={trans.__('Log of %1', wanted)}>
        {text || trans.__('Nothing was written.')}
      </pre>
    </>
  );
}

function Judged({ project, run }: { project: string; run: string }): React.ReactElement {
  const { service, trans } = useSurroundings();
  const load = () => service.ask<Verdict>('GET', `/runs/${run}/verdict`, project);
  const { value, problem } = useLive(project, load, () => false, [run]);
  if (value === undefined) {
    return <Problem error={problem} />;
  }
  return (
    <>
      <p>
        <State state={value.passed ? 'SUCCEEDED' : 'FAILED'} short />{' '}
        <b>{value.passed ? trans.__('PASS') : trans.__('FAIL')}</b> {value.reason}
      </p>
      <div className="mlops-Scroll" tabIndex={0} role="group" aria-label={trans.__('Checks')}>
        <table className="mlops-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Check')}</th>
              <th scope="col">{trans.__('Recorded')}</th>
              <th scope="col">{trans.__('Again')}</th>
              <th scope="col">{trans.__('Result')}</th>
            </tr>
          </thead>
          <tbody>
            {value.checks.map(check => (
              <tr key={`${check.kind} ${check.name}`} data-differs={!check.passed}>
                <th scope="row">
                  {check.kind} {check.name}
                </th>
                <td className="mlops-figure">{check.recorded}</td>
                <td className="mlops-figure">{check.again}</td>
                <td>{check.passed ? trans.__('same') : trans.__('different')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
