import React from 'react';
import { Finding, Fix, Hyperparameter, Status } from '../records';
import { useSurroundings } from './context';
import { IField, IPart, Texts, Values } from './fields';
import { fieldsOf, Parts } from './form';
import { Findings, Problem, shown } from './pieces';
import { nested, read } from './reading';

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

/** Does what mends a finding, and returns what was done. */
export type Mend = (fix: Fix) => Promise<string>;

/**
 * The form of a run: what the preflight found, a field for each parameter, datasets and the backend.
 * `tell` is told after every change, with undefined while something hinders the run.
 */
export function TrainForm(props: { load: () => Promise<IBefore>; mend: Mend; tell: (values: Values | undefined) => void }): React.ReactElement {
  const { trans } = useSurroundings();
  const [texts, setTexts] = React.useState<Texts>({});
  const looked = useLook(props.load);
  const before = looked.value;
  const parts = before === undefined ? [] : partsOf(before);
  const { values, wrong } = read(fieldsOf(parts), texts);
  const hindered = before === undefined || looked.problem !== undefined || before.status.findings.some(one => one.severity === 'error');
  const blocked = hindered || wrong.size > 0;
  const told = JSON.stringify([blocked, values]);
  React.useEffect(() => props.tell(blocked ? undefined : { params: {}, ...nested(values) }), [told]);

  function partsOf({ status, parameters, pinned, datasets, backend, backends }: IBefore): IPart[] {
    const data = (role: string, label: string): IField => {
      const path = status.snapshot?.datasets.find(one => one.role === role)?.path;
      return { name: role, label, type: 'str', placeholder: path ?? trans.__('none'), choices: datasets.filter(one => one !== path) };
    };
    const places: IField[] = [
      data('train', trans.__('Training data')),
      data('test', trans.__('Test data')),
      { name: 'backend', label: trans.__('Runs on'), type: 'str', placeholder: backend, choices: backends.filter(one => one !== backend) }
    ];
    return [
      { title: trans.__('Parameters'), fields: parameters.map(one => fieldOf(one, pinned[one.name])) },
      { title: trans.__('Data and place'), fields: places }
    ];
  }

  function fieldOf(one: Hyperparameter, unsaid: string): IField {
    const session = trans.__('The value of the live session; the cell says %1', shown(one.default));
    return {
      ...ofParameter(one),
      unsaid,
      ...(one.source === 'session' ? { tag: [trans.__('session'), session] } : {})
    };
  }

  return (
    <>
      <Preflight looked={looked} mend={props.mend} />
      {before !== undefined && (
        <Parts parts={parts} texts={texts} wrong={wrong} onChange={(name, text) => setTexts({ ...texts, [name]: text })} />
      )}
    </>
  );
}

/** What a run would take as it is now: the findings, and what mends them. */
export function Pinned(props: { load: () => Promise<Status>; mend: Mend }): React.ReactElement {
  const looked = useLook(async () => ({ status: await props.load() }));
  return <Preflight looked={looked} mend={props.mend} />;
}

/** A field for a parameter of a notebook. */
export function ofParameter(one: Hyperparameter): IField {
  const type = one.type === 'any' && typeof one.value === 'string' ? 'str' : one.type;
  const value = initial(one);
  return { name: `params.${one.name}`, label: one.name, type, value, unsaid: value, placeholder: one.expression ?? undefined };
}

/** Return a parameter's value as the form has it at first. */
export function initial(parameter: Hyperparameter): string {
  return parameter.source === 'expression' ? '' : shown(parameter.value);
}

interface ILooked<T> {
  value: T | undefined;
  problem: Error | undefined;
  busy: boolean;
  /** Look again, after something was done. */
  again: (work?: () => Promise<void>) => Promise<void>;
}

function useLook<T>(load: () => Promise<T>): ILooked<T> {
  const [value, setValue] = React.useState<T>();
  const [problem, setProblem] = React.useState<Error>();
  const [busy, setBusy] = React.useState(false);
  const again = async (work?: () => Promise<void>) => {
    setBusy(true);
    try {
      await work?.();
      setValue(await load());
      setProblem(undefined);
    } catch (error) {
      setProblem(error as Error);
    }
    setBusy(false);
  };
  React.useEffect(() => void again(), []);
  return { value, problem, busy, again };
}

function Preflight({ looked, mend }: { looked: ILooked<{ status: Status }>; mend: Mend }): React.ReactElement {
  const { trans } = useSurroundings();
  const [done, setDone] = React.useState('');
  const { value, problem, busy, again } = looked;
  if (value === undefined && problem === undefined) {
    return <p className="mlops-dim">{trans.__('Looking at the notebook…')}</p>;
  }
  const found = value?.status.findings ?? [];
  const findings = [...found.filter(one => one.severity !== 'info'), ...found.filter(one => one.severity === 'info')];
  const action = ({ fix }: Finding) =>
    fix === null ? null : (
      <button type="button" className="mlops-Button" disabled={busy} onClick={() => void again(async () => setDone(await mend(fix)))}>
        {fix.kind === 'track' ? trans.__('Track %1', fix.path) : trans.__('Tag cell %1', fix.cell)}
      </button>
    );
  return (
    <section aria-label={trans.__('Findings')} aria-busy={busy}>
      <Problem error={problem} />
      {findings.length === 0 && !problem && <p>{trans.__('Code, data and parameters can be pinned as they are.')}</p>}
      <Findings findings={findings} action={action} />
      {(findings.length > 0 || problem || done) && (
        <div className="mlops-Actions">
          <button type="button" className="mlops-Button" disabled={busy} onClick={() => void again(async () => setDone(''))}>
            {trans.__('Check again')}
          </button>
          <span role="status">{done}</span>
        </div>
      )}
    </section>
  );
}
