import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { Hyperparameter, Schedule } from '../records';
import { useSurroundings } from './context';
import { IField, IPart, Texts, Values } from './fields';
import { useSettled } from './form';
import { Moments, Problem } from './pieces';
import { ofParameter } from './train';

const PINNING = ['training', 'update', 'tuning'];

/** Return the part of a schedule's form that says what is run. */
export function whatOf(
  trans: TranslationBundle,
  sources: { notebooks: string[]; models: string[]; deployments: string[] },
  texts: Texts,
  path: string | undefined
): IPart {
  const pipeline = texts.pipeline ?? 'training';
  // Each has a name of its own: what was typed for one pipeline is not taken for another.
  const notebook: IField = {
    name: 'notebook',
    label: trans.__('Notebook'),
    type: 'str',
    required: true,
    value: path ?? '',
    suggestions: sources.notebooks
  };
  const of: Record<string, IField> = {
    evaluation: { name: 'model', label: trans.__('Model'), type: 'str', placeholder: 'latest', suggestions: sources.models },
    monitoring: { name: 'deployment', label: trans.__('Deployment'), type: 'str', required: true, suggestions: sources.deployments },
    update: { ...notebook, required: false, placeholder: trans.__('that of the parent') }
  };
  return {
    title: trans.__('What'),
    fields: [
      {
        name: 'pipeline',
        label: trans.__('Pipeline'),
        type: 'str',
        value: 'training',
        choices: [
          ['training', trans.__('train')],
          ['update', trans.__('update')],
          ['tuning', trans.__('tune')],
          ['evaluation', trans.__('evaluate')],
          ['monitoring', trans.__('monitor')]
        ]
      },
      of[pipeline] ?? notebook,
      { name: 'name', label: trans.__('Name of the schedule'), type: 'str', placeholder: trans.__('made from what it runs') }
    ]
  };
}

/** Return the parts that say when, with the next firings below, and what else may happen. */
export function timesOf(
  trans: TranslationBundle,
  { project, zone, before }: { project: string; zone: string; before?: Schedule },
  texts: Texts
): IPart[] {
  const same = (value: unknown) => (before === undefined ? {} : { value: String(value ?? ''), unsaid: String(value ?? '') });
  const trigger = before === undefined ? 'cron' : triggerOf(before);
  const policy = (name: string, label: string, choices: readonly (readonly [string, string])[]): IField => ({
    name,
    label,
    type: 'str',
    choices,
    ...(before === undefined ? { value: choices[0][0], unsaid: choices[0][0] } : same(before[name as 'missed' | 'overlap']))
  });
  const number = (name: string, label: string, placeholder: string, value: unknown): IField => ({ name, label, type: 'int', placeholder, ...same(value) });
  const chosen = texts.trigger ?? trigger;
  const cron: IField[] = [
    {
      name: 'cron',
      label: trans.__('Cron line'),
      type: 'str',
      help: trans.__('Five fields: minute, hour, day of the month, month, day of the week'),
      required: true,
      placeholder: '0 6 * * 1-5',
      ...same(before?.cron)
    },
    { name: 'timezone', label: trans.__('Time zone'), type: 'str', placeholder: zone, suggestions: zones(), ...same(before?.timezone) }
  ];
  const every: IField = {
    name: 'every',
    label: trans.__('Interval'),
    type: 'str',
    required: true,
    placeholder: '6h',
    ...same(before?.every_s && interval(before.every_s))
  };
  const when: IPart = {
    title: trans.__('When'),
    fields: [
      {
        name: 'trigger',
        label: trans.__('It fires'),
        type: 'str',
        value: trigger,
        unsaid: before === undefined ? '' : trigger,
        choices: [
          ['cron', trans.__('at times of day (cron)')],
          ['every', trans.__('at an interval')],
          ['change', trans.__('when code or data have changed')]
        ]
      },
      ...(chosen === 'cron' ? cron : chosen === 'every' ? [every] : []),
      { name: 'until', label: trans.__('Last day'), type: 'date', ...same(before?.until?.slice(0, 10)) }
    ],
    below: (now, hinder) => <Upcoming project={project} texts={now} trigger={chosen} before={before} hinder={hinder} />
  };
  const policies: IPart = {
    title: trans.__('Policies'),
    folded: true,
    fields: [
      policy('missed', trans.__('Firings that nobody was there for'), [
        ['once', trans.__('one for all of them')],
        ['all', trans.__('each is made up for')],
        ['skip', trans.__('none')]
      ]),
      policy('overlap', trans.__('While the one before goes on'), [
        ['skip', trans.__('skip')],
        ['queue', trans.__('wait')],
        ['parallel', trans.__('run both')]
      ]),
      number('retries', trans.__('Tries after a failure'), '0', before?.retries),
      number('backoff', trans.__('Seconds before the first of them'), '60', before?.backoff_s),
      number('deadline', trans.__('Seconds at most, 0 for no limit'), '0', before?.deadline_s),
      {
        name: 'even_if_unchanged',
        label: trans.__('Also where nothing has changed'),
        type: 'flag',
        ...same(before?.even_if_unchanged)
      }
    ]
  };
  return [when, policies];
}

/** Return the parts that say of which code and data, and with what. */
export function planOf(
  trans: TranslationBundle,
  texts: Texts,
  parameters: readonly Hyperparameter[],
  sources: { datasets: string[] },
  more: readonly IPart[]
): IPart[] {
  const pipeline = texts.pipeline ?? 'training';
  if (!PINNING.includes(pipeline)) {
    return [...more];
  }
  const branch: IField = { name: 'branch', label: trans.__('Branch'), type: 'str', required: true, placeholder: 'main' };
  const pins: IField = {
    name: 'pins',
    label: trans.__('Pinned'),
    type: 'str',
    value: 'tree',
    unsaid: 'tree',
    choices: [
      ['tree', trans.__('as they are at each firing')],
      ['branch', trans.__('head of a branch at each firing')],
      ['frozen', trans.__('as they are now, for good')]
    ]
  };
  const data = (name: string, label: string): IField => ({
    name: `arguments.${name}`,
    label,
    type: 'str',
    placeholder: trans.__('as the settings say'),
    suggestions: sources.datasets
  });
  const own: IPart[] = [
    { title: trans.__('Parameters'), fields: parameters.map(ofParameter).map(one => ({ ...one, name: `arguments.${one.name}` })) },
    { title: trans.__('Data'), folded: true, fields: [data('train', trans.__('Training data')), data('test', trans.__('Test data'))] }
  ];
  return [
    { title: trans.__('Code and data'), fields: [pins, ...(texts.pins === 'branch' ? [branch] : [])] },
    ...(pipeline === 'training' ? own : more)
  ];
}

/** Return parts with those at the end that are folded: what is below a fold is not looked for. */
export function inOrder(parts: readonly IPart[]): IPart[] {
  return [...parts.filter(part => !part.folded), ...parts.filter(part => part.folded)];
}

/** Return what the form gives as the verb takes it. */
export function bodyOf({ trigger, pins, notebook, model, deployment, ...chosen }: Values): Values {
  const what = notebook ?? model ?? deployment;
  return {
    ...chosen,
    ...(what === undefined ? {} : { what }),
    ...(trigger === 'change' ? { on_change: true } : {}),
    ...(pins === 'frozen' ? { frozen: true } : {})
  };
}

/** The next firings as the server knows them, before anything is kept, or why there are none. */
function Upcoming(props: {
  project: string;
  texts: Texts;
  trigger: string;
  before: Schedule | undefined;
  hinder: (hindered: boolean) => void;
}): React.ReactElement | null {
  const { service, trans } = useSurroundings();
  const { project, texts, trigger, before, hinder } = props;
  const [moments, setMoments] = React.useState<string[]>();
  const [problem, setProblem] = React.useState<Error>();
  const said = (name: string, known?: string | null) => (texts[name] ?? known ?? '').trim();
  const query = {
    name: before?.name,
    ...(trigger === 'cron' ? { cron: said('cron', before?.cron), timezone: said('timezone') } : {}),
    ...(trigger === 'every' ? { every: said('every', before?.every_s ? interval(before.every_s) : '') } : {}),
    until: said('until')
  };
  const asked = useSettled(JSON.stringify(query), 250);
  const silent = trigger === 'change' || (trigger === 'cron' ? query.cron : query.every) === '';

  React.useEffect(() => {
    let over = false;
    const take = (found: string[] | undefined, error?: Error) => {
      if (!over) {
        setMoments(found);
        setProblem(error);
        hinder(error !== undefined);
      }
    };
    if (silent) {
      take(undefined);
    } else {
      const asking = service.ask<{ upcoming: string[] }>('GET', '/upcoming', project, { query: JSON.parse(asked) });
      asking.then(({ upcoming }) => take(upcoming), error => take(undefined, error));
    }
    return () => void (over = true);
  }, [asked, silent]);

  if (trigger === 'change') {
    return <p className="mlops-dim">{trans.__('When it fires is not known before: code and data are looked at again and again.')}</p>;
  }
  if (problem !== undefined) {
    return <Problem error={problem} />;
  }
  return (
    <div className="mlops-Upcoming" role="status">
      {moments !== undefined && (
        <>
          <span className="mlops-dim">{moments.length > 0 ? trans.__('Next firings') : trans.__('It would never fire.')}</span>
          <Moments moments={moments} />
        </>
      )}
    </div>
  );
}

/** Return a number of seconds as a user writes an interval. */
export function interval(seconds: number): string {
  const units: [number, string][] = [[604_800, 'w'], [86_400, 'd'], [3_600, 'h'], [60, 'm'], [1, 's']];
  const [size, unit] = units.find(([size]) => seconds % size === 0)!;
  return `${seconds / size}${unit}`;
}

function triggerOf(schedule: Schedule): string {
  return schedule.cron !== null ? 'cron' : schedule.every_s !== null ? 'every' : 'change';
}

function zones(): string[] {
  return Intl.supportedValuesOf('timeZone');
}
