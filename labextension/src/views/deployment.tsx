import React from 'react';
import { ids } from '../names';
import { Deployment, Input, Pulse, Revision } from '../records';
import { useLive, useSurroundings } from './context';
import { DeploymentActions } from './deployments';
import { ago, Action, Facts, model, Problem, shown, State } from './pieces';

/** A deployment: its revisions and their traffic, and a form to ask it. */
export function DeploymentView({ project, name }: { project: string; name: string }): React.ReactElement {
  const { service, trans } = useSurroundings();
  const load = () => service.ask<Deployment>('GET', `/deployments/${encodeURIComponent(name)}`, project);
  const { value, problem } = useLive(project, load, event => event.kind === 'deployment' && event.id === name, [name]);
  if (value === undefined) {
    return <div className="mlops-Page">{problem ? <Problem error={problem} /> : <p className="mlops-dim">{trans.__('Loading…')}</p>}</div>;
  }
  return (
    <div className="mlops-Page">
      <header className="mlops-Head">
        <span role="status">
          <State state={value.state} />
        </span>
        <h1 className="mlops-Head-title">{value.name}</h1>
        <span className="mlops-dim">{value.target}</span>
        <span className="mlops-Head-actions">
          <DeploymentActions deployment={value} project={project} words />
        </span>
      </header>
      <Problem error={problem ?? value.error ?? undefined} />
      <Facts rows={[[trans.__('Answers at'), value.url && <code className="mlops-selectable">{value.url}</code>]]} />
      <h2>{trans.__('Revisions')}</h2>
      <Revisions deployment={value} project={project} />
      <h2>{trans.__('Try a prediction')}</h2>
      <Predict deployment={value} project={project} />
    </div>
  );
}

function Revisions({ deployment, project }: { deployment: Deployment; project: string }): React.ReactElement {
  const { trans } = useSurroundings();
  return (
    <div className="mlops-Scroll" tabIndex={0} role="group" aria-label={trans.__('Revisions')}>
      <table className="mlops-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Revision')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('Traffic')}</th>
            <th scope="col">{trans.__('Model')}</th>
            <th scope="col">{trans.__('Made')}</th>
            <th scope="col">{trans.__('Actions')}</th>
          </tr>
        </thead>
        <tbody>
          {deployment.revisions.map(revision => (
            <tr key={revision.number}>
              <th scope="row">{revision.number}</th>
              <td>
                <State state={revision.state} />
                {revision.error && <div className="mlops-dim">{revision.error.message}</div>}
              </td>
              <td>
                <Share percent={revision.percent} />
                {revision.shadow && <span className="mlops-Tag">{trans.__('shadow')}</span>}
              </td>
              <td>
                {model(revision.origin.model)}{' '}
                {revision.origin.run_id && (
                  <Action command={ids.openRun} args={{ project, run: revision.origin.run_id }} label={trans.__('Run')} about={revision.origin.run_id} />
                )}
              </td>
              <td className="mlops-dim">{ago(revision.created_at)}</td>
              <td>
                <RevisionActions deployment={deployment} revision={revision} project={project} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Share({ percent }: { percent: number }): React.ReactElement {
  return (
    <span className="mlops-Share">
      <span className="mlops-Share-bar" aria-hidden="true">
        <span style={{ width: `${percent}%` }} />
      </span>
      <span className="mlops-figure">{percent} %</span>
    </span>
  );
}

function RevisionActions(props: { deployment: Deployment; revision: Revision; project: string }): React.ReactElement | null {
  const { trans } = useSurroundings();
  const { deployment, revision, project } = props;
  const [percent, setPercent] = React.useState(10);
  const args = { project, name: deployment.name, revision: revision.number };
  const about = trans.__('revision %1', revision.number);
  if (revision.percent === 100 || revision.state === 'FAILED') {
    return null;
  }
  // The newest revision alone can be a canary: `traffic` gives it a part and the serving one the rest.
  const newest = revision.number === Math.max(...deployment.revisions.map(one => one.number));
  return (
    <span className="mlops-Actions">
      <Action command={ids.promote} args={args} label={trans.__('Promote…')} about={about} />
      {newest && (
        <>
          <input
            className="mlops-Input mlops-mod-short"
            type="number"
            min={0}
            max={100}
            value={percent}
            aria-label={trans.__('Percent of the requests for revision %1', revision.number)}
            onChange={event => setPercent(Math.max(0, Math.min(100, Number(event.target.value))))}
          />
          <Action command={ids.traffic} args={{ ...args, percent }} label={trans.__('Give %1 %', percent)} about={about} />
        </>
      )}
    </span>
  );
}

/** A form made from the model's signature, or a request as JSON where there is none. */
function Predict({ deployment, project }: { deployment: Deployment; project: string }): React.ReactElement {
  const { service, trans } = useSurroundings();
  const serving = deployment.revisions.find(revision => revision.percent > 0)?.number;
  const load = () => service.ask<Pulse>('GET', `/deployments/${encodeURIComponent(deployment.name)}/pulse`, project);
  const pulse = useLive(project, load, () => false, [deployment.name, serving, deployment.state]);
  const [values, setValues] = React.useState<Record<string, string>>();
  const [revision, setRevision] = React.useState('');
  const [answer, setAnswer] = React.useState<unknown>();
  const [error, setError] = React.useState<Error>();
  const [busy, setBusy] = React.useState(false);
  if (pulse.value === undefined) {
    return pulse.problem ? <Problem error={pulse.problem} /> : <p className="mlops-dim">{trans.__('Loading…')}</p>;
  }
  const columns = pulse.value.inputs;
  const fields = columns.length > 0 ? columns : [{ name: '', type: 'json', required: true, value: null }];
  const first = columns.length > 0 ? firstRow(columns) : { '': '{"inputs": []}' };
  const now = { ...first, ...values };

  const ask = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setAnswer(undefined);
    setError(undefined);
    try {
      const data = columns.length > 0 ? table(columns, now) : JSON.parse(now['']);
      const body = { data, ...(revision ? { revision: Number(revision) } : {}) };
      const path = `/deployments/${encodeURIComponent(deployment.name)}/predict`;
      setAnswer((await service.ask<{ predictions: unknown }>('POST', path, project, { body })).predictions);
    } catch (problem) {
      setError(problem as Error);
    }
    setBusy(false);
  };

  return (
    <form className="mlops-Form" onSubmit={event => void ask(event)}>
      <div className="mlops-Form-grid">
        {fields.map(field => (
          <Field
            key={field.name}
            name={field.name}
            type={field.type}
            value={now[field.name] ?? ''}
            required={field.required !== false}
            onChange={value => setValues({ ...now, [field.name]: value })}
          />
        ))}
      </div>
      <div className="mlops-Form-end">
        <label>
          {trans.__('Ask')}{' '}
          <select className="mlops-Input" value={revision} onChange={event => setRevision(event.target.value)}>
            <option value="">{trans.__('as a client does')}</option>
            {deployment.revisions
              .filter(one => one.state === 'READY')
              .map(one => (
                <option key={one.number} value={one.number}>
                  {trans.__('revision %1', one.number)}
                </option>
              ))}
          </select>
        </label>
        <button type="submit" className="mlops-Button mlops-mod-accept" disabled={busy}>
          {trans.__('Predict')}
        </button>
        <output className="mlops-Answer" aria-live="polite">
          {answer === undefined ? '' : trans.__('Prediction: %1', Array.isArray(answer) && answer.length === 1 ? shown(answer[0]) : shown(answer))}
        </output>
      </div>
      <Problem error={error} />
    </form>
  );
}

function Field(props: { name: string; type: string; value: string; required: boolean; onChange: (value: string) => void }): React.ReactElement {
  const { trans } = useSurroundings();
  const { name, type, value, required, onChange } = props;
  if (type === 'json') {
    return (
      <textarea
        className="mlops-Input mlops-mod-code"
        rows={8}
        value={value}
        aria-label={trans.__('Request as JSON')}
        onChange={event => onChange(event.target.value)}
      />
    );
  }
  const number = ['double', 'float', 'long', 'integer'].includes(type);
  return (
    <label className="mlops-Field">
      <span className="mlops-Field-name">
        {name} <span className="mlops-dim">{type}</span>
      </span>
      <input
        className="mlops-Input"
        type={number ? 'number' : 'text'}
        step={type === 'long' || type === 'integer' ? 1 : 'any'}
        value={value}
        required={required}
        onChange={event => onChange(event.target.value)}
      />
    </label>
  );
}

function table(columns: Input[], values: Record<string, string>): Record<string, unknown> {
  const row = columns.map(column => cell(column.type, values[column.name] ?? ''));
  return { dataframe_split: { columns: columns.map(column => column.name), data: [row] } };
}

function cell(type: string, value: string): unknown {
  if (value === '') {
    return null;
  }
  if (type === 'boolean') {
    return value === 'true';
  }
  return ['double', 'float', 'long', 'integer'].includes(type) ? Number(value) : value;
}

function firstRow(columns: Input[]): Record<string, string> {
  return Object.fromEntries(columns.map(column => [column.name, shown(column.value)]));
}
