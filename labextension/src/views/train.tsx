import React from 'react';
import { Finding, Hyperparameter, Status } from '../records';
import { Findings, Problem, shown } from './pieces';
import { useSurroundings } from './context';

/** What is known before a run, for the form. */
export interface IBefore {
  status: Status;
  /** As the live session has them, where it has. */
  parameters: Hyperparameter[];
  /** What a run takes that is given none of them, as texts. */
  pinned: Record<string, string>;
  datasets: string[];
  backend: string;
  backends: string[];
}

/** What the user has chosen: what the verb takes. */
export interface IChosen extends Record<string, unknown> {
  params: Record<string, unknown>;
}

/** A fix of a finding that the front end can make by itself. */
export interface IFix {
  label: string;
  fixes: (finding: Finding) => boolean;
  make: (finding: Finding) => Promise<void>;
}

/**
 * The form of a run: what the preflight found, a field for each parameter, datasets and the backend.
 * `chosen` is told after every change, with undefined while something hinders the run.
 */
export function TrainForm(props: {
  load: () => Promise<IBefore>;
  fixes: IFix[];
  chosen: (chosen: IChosen | undefined) => void;
}): React.ReactElement {
  const { trans } = useSurroundings();
  const [before, setBefore] = React.useState<IBefore>();
  const [problem, setProblem] = React.useState<Error>();
  const [texts, setTexts] = React.useState<Record<string, string>>({});
  const [places, setPlaces] = React.useState<Record<string, string>>({});
  const [busy, setBusy] = React.useState(false);

  const look = async () => {
    setBusy(true);
    try {
      setBefore(await props.load());
      setProblem(undefined);
    } catch (error) {
      setProblem(error as Error);
    }
    setBusy(false);
  };
  React.useEffect(() => void look(), []);

  const findings = before?.status.findings ?? [];
  const hindered = before === undefined || problem !== undefined || findings.some(one => one.severity === 'error');
  const { params, wrong } = read(before?.parameters ?? [], before?.pinned ?? {}, texts);
  const blocked = hindered || wrong.length > 0;
  const told = JSON.stringify([blocked, params, places]);
  React.useEffect(() => {
    const given = Object.entries(places).filter(([, value]) => value !== '');
    props.chosen(blocked ? undefined : { params, ...Object.fromEntries(given) });
  }, [told]);

  const again = (
    <button type="button" className="mlops-Button" disabled={busy} onClick={() => void look()}>
      {trans.__('Check again')}
    </button>
  );
  if (before === undefined) {
    return (
      <div className="mlops-Train">
        {problem && <Problem error={problem} />}
        {problem && again}
        {!problem && <p className="mlops-dim">{trans.__('Looking at the notebook…')}</p>}
      </div>
    );
  }
  const said = findings.filter(one => one.severity !== 'info');
  const infos = findings.filter(one => one.severity === 'info');
  const make = async (fix: IFix, finding: Finding) => {
    setBusy(true);
    await fix.make(finding).catch(setProblem);
    await look();
  };
  return (
    <div className="mlops-Train" aria-busy={busy}>
      <Problem error={problem} />
      {problem && again}
      {said.length + infos.length === 0 && <p className="mlops-Finding-none">{trans.__('Code, data and parameters can be pinned as they are.')}</p>}
      {[...said, ...infos].length > 0 && (
        <section aria-label={trans.__('Findings')}>
          <Findings findings={[...said, ...infos]} />
          <div className="mlops-Actions">
            {props.fixes.flatMap(fix =>
              findings
                .filter(fix.fixes)
                .map((finding, i) => (
                  <button key={`${fix.label} ${i}`} type="button" className="mlops-Button" disabled={busy} onClick={() => void make(fix, finding)}>
                    {fix.label}
                  </button>
                ))
            )}
            {again}
          </div>
        </section>
      )}
      {before.parameters.length > 0 && (
        <fieldset>
          <legend>{trans.__('Parameters')}</legend>
          <div className="mlops-Form-grid">
            {before.parameters.map(one => (
              <Parameter
                key={one.name}
                parameter={one}
                text={texts[one.name] ?? initial(one)}
                wrong={wrong.includes(one.name)}
                onChange={text => setTexts({ ...texts, [one.name]: text })}
              />
            ))}
          </div>
        </fieldset>
      )}
      <fieldset>
        <legend>{trans.__('Data and place')}</legend>
        <div className="mlops-Form-grid">
          <Choice label={trans.__('Training data')} name="train" {...datasets('train')} />
          <Choice label={trans.__('Test data')} name="test" {...datasets('test')} />
          <Choice
            label={trans.__('Runs on')}
            name="backend"
            value={places.backend ?? ''}
            none={before.backend}
            options={before.backends.filter(one => one !== before.backend)}
            onChange={value => setPlaces({ ...places, backend: value })}
          />
        </div>
      </fieldset>
    </div>
  );

  function datasets(role: string) {
    const pinned = before!.status.snapshot?.datasets.find(one => one.role === role)?.path;
    return {
      value: places[role] ?? '',
      none: pinned ?? trans.__('none'),
      options: before!.datasets.filter(one => one !== pinned),
      onChange: (value: string) => setPlaces({ ...places, [role]: value })
    };
  }
}

function Choice(props: { label: string; name: string; value: string; none: string; options: string[]; onChange: (value: string) => void }): React.ReactElement {
  return (
    <label className="mlops-Field">
      <span className="mlops-Field-name">{props.label}</span>
      <select className="mlops-Input" name={props.name} value={props.value} onChange={event => props.onChange(event.target.value)}>
        <option value="">{props.none}</option>
        {props.options.map(one => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}

function Parameter(props: { parameter: Hyperparameter; text: string; wrong: boolean; onChange: (text: string) => void }): React.ReactElement {
  const { trans } = useSurroundings();
  const { parameter, text, wrong, onChange } = props;
  const choices = literals(parameter.type);
  const label = `${parameter.name}${parameter.type === 'any' ? '' : ` (${parameter.type})`}`;
  const shared = { className: 'mlops-Input', name: `param-${parameter.name}`, 'aria-invalid': wrong, 'aria-label': label };
  const session = parameter.source === 'session';
  return (
    <label className="mlops-Field">
      <span className="mlops-Field-name">
        {parameter.name} <span className="mlops-dim">{parameter.type}</span>
        {session && (
          <span className="mlops-Tag" title={trans.__('The value of the live session; the cell says %1', shown(parameter.default))}>
            {trans.__('session')}
          </span>
        )}
      </span>
      {parameter.type === 'bool' ? (
        <select {...shared} value={text} onChange={event => onChange(event.target.value)}>
          <option value="true">True</option>
          <option value="false">False</option>
        </select>
      ) : choices.length > 0 ? (
        <select {...shared} value={text} onChange={event => onChange(event.target.value)}>
          {choices.map(one => (
            <option key={one}>{one}</option>
          ))}
        </select>
      ) : (
        <input
          {...shared}
          type={parameter.type === 'int' || parameter.type === 'float' ? 'number' : 'text'}
          step={parameter.type === 'int' ? 1 : 'any'}
          value={text}
          placeholder={parameter.expression ?? ''}
          onChange={event => onChange(event.target.value)}
        />
      )}
      {wrong && <span className="mlops-Field-wrong">{trans.__('This is no %1.', parameter.type)}</span>}
    </label>
  );
}

/** Return a parameter's value as the form has it at first. */
export function initial(parameter: Hyperparameter): string {
  return parameter.source === 'expression' ? '' : shown(parameter.value);
}

/** Return the texts of a Literal of texts, none for other types. */
function literals(type: string): string[] {
  const inside = /^(?:typing\.)?Literal\[(.*)\]$/.exec(type)?.[1] ?? '';
  const found = [...inside.matchAll(/\s*'([^']*)'\s*(?:,|$)|\s*"([^"]*)"\s*(?:,|$)/g)];
  return found.map(match => match[1] ?? match[2]);
}

/** Return the values that differ from what the run would take anyway, and the names that are wrong. */
function read(
  parameters: Hyperparameter[],
  pinned: Record<string, string>,
  texts: Record<string, string>
): { params: Record<string, unknown>; wrong: string[] } {
  const params: Record<string, unknown> = {};
  const wrong: string[] = [];
  for (const parameter of parameters) {
    const text = texts[parameter.name] ?? initial(parameter);
    if (text === pinned[parameter.name]) {
      continue;
    }
    const value = parsed(parameter, text);
    if (value === undefined) {
      wrong.push(parameter.name);
    } else {
      params[parameter.name] = value;
    }
  }
  return { params, wrong };
}

/** Return the value of what was typed, undefined where it is none of the type. */
function parsed({ type, value }: Hyperparameter, text: string): unknown {
  if (type === 'int' || type === 'float') {
    const number = Number(text);
    const fits = text.trim() !== '' && Number.isFinite(number) && (type === 'float' || Number.isInteger(number));
    return fits ? number : undefined;
  }
  if (type === 'bool') {
    return text === 'true';
  }
  if (type === 'str' || literals(type).length > 0 || typeof value === 'string') {
    return text;
  }
  try {
    return JSON.parse(text);
  } catch {
    return type === 'any' ? text : undefined;
  }
}
