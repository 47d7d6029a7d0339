import { TranslationBundle } from '@jupyterlab/translation';
import { Deployment, Hyperparameter, RegisteredModel } from '../records';
import { IService } from '../service';
import { IField, IPart } from '../views/fields';
import { ofParameter } from '../views/train';

/** A verb that starts a run, as data. */
export interface IVerb {
  /** The pipeline that a schedule knows it by. */
  pipeline: string;
  /** Where it is asked for; a name in braces is its subject. */
  route: string;
  /** The argument that says what it is done to, and of which kind that is. */
  subject: 'notebook' | 'model' | 'parent' | 'name';
  /** The title of its form, of what it is done to. */
  title: (of: string) => string;
  accept: string;
  entries: readonly IEntry[];
}

/** A field, but for what the server says of it: its type and its meaning. */
interface IEntry extends Omit<IField, 'type' | 'help'> {
  /** Where its choices come from. */
  from?: 'datasets' | 'models';
  folded?: boolean;
}

/** What fields choose from: the data, models and deployments of a project. */
export interface ISources {
  datasets: string[];
  models: string[];
  deployments: string[];
}

type Name = 'evaluate' | 'tune' | 'update' | 'monitor';

/** Return the verbs that have a form made from data. */
export function verbs(trans: TranslationBundle): Record<Name, IVerb> {
  const settings = trans.__('as the settings say');
  const backend: IEntry = { name: 'backend', label: trans.__('Runs on'), choices: ['local', 'kubeflow'], placeholder: settings, folded: true };
  const train: IEntry = { name: 'train', label: trans.__('Training data'), from: 'datasets', placeholder: settings };
  return {
    evaluate: {
      pipeline: 'evaluation',
      route: '/evaluate',
      subject: 'model',
      title: of => trans.__('Evaluate %1', of),
      accept: trans.__('Evaluate'),
      entries: [
        { name: 'test', label: trans.__('Test data'), from: 'datasets', placeholder: settings },
        { name: 'against', label: trans.__('Compare with'), from: 'models', placeholder: trans.__('the champion, if there is one') },
        { name: 'gate', label: trans.__('Gates'), placeholder: 'test_accuracy>=0.9, test_f1>champion', wide: true },
        backend
      ]
    },
    tune: {
      pipeline: 'tuning',
      route: '/tune',
      subject: 'notebook',
      title: of => trans.__('Tune %1', of),
      accept: trans.__('Tune'),
      entries: [
        { name: 'objective', label: trans.__('Metric'), placeholder: settings },
        { name: 'direction', label: trans.__('Good is'), choices: [['maximize', trans.__('a high value')], ['minimize', trans.__('a low value')]], placeholder: settings },
        { name: 'trials', label: trans.__('Trials'), placeholder: settings },
        { name: 'parallel', label: trans.__('At once'), placeholder: settings },
        { name: 'register', label: trans.__('Register the best model') },
        { name: 'sampler', label: trans.__('Sampler'), choices: ['tpe', 'random', 'grid', 'cmaes'], placeholder: settings, folded: true },
        { name: 'pruner', label: trans.__('Pruner'), choices: ['none', 'median', 'percentile', 'halving', 'hyperband'], placeholder: settings, folded: true },
        { name: 'deadline', label: trans.__('Seconds at most'), placeholder: settings, folded: true },
        { name: 'seed', label: trans.__('Seed'), placeholder: settings, folded: true },
        { ...train, folded: true }
      ]
    },
    update: {
      pipeline: 'update',
      route: '/update',
      subject: 'parent',
      title: of => trans.__('Learn on from %1', of),
      accept: trans.__('Update'),
      entries: [
        { name: 'replay', label: trans.__('Part of the old data to be learnt again'), placeholder: settings },
        { name: 'only_new', label: trans.__('Also where old data have changed') },
        train,
        { name: 'test', label: trans.__('Test data'), from: 'datasets', placeholder: settings },
        { name: 'params', label: trans.__('Hyperparameters (JSON)'), placeholder: '{"epochs": 3}', wide: true, folded: true },
        backend
      ]
    },
    monitor: {
      pipeline: 'monitoring',
      route: '/deployments/{name}/monitor',
      subject: 'name',
      title: of => trans.__('Monitor %1', of),
      accept: trans.__('Monitor'),
      entries: [
        { name: 'last', label: trans.__('Requests of the last'), placeholder: trans.__('all of them, or 24h, 30m, 7d') },
        { name: 'rows', label: trans.__('Newest rows at most'), placeholder: trans.__('all of them') },
        { name: 'reference', label: trans.__('Compare with the data of run'), placeholder: trans.__('the one that trained the model') },
        {
          name: 'on_drift',
          label: trans.__('On drift'),
          choices: [['train', trans.__('train anew')], ['update', trans.__('let the model learn on')]],
          placeholder: trans.__('do nothing')
        }
      ]
    }
  };
}

/** Return the fields of a verb, as far as the server knows them; the space of a search comes first. */
export async function partsOf(
  service: IService,
  trans: TranslationBundle,
  verb: IVerb,
  sources: ISources,
  parameters: readonly Hyperparameter[] = [],
  prefix = ''
): Promise<IPart[]> {
  const taken = await service.takes('POST', verb.route);
  const fields = (folded: boolean): IField[] =>
    verb.entries
      .filter(entry => entry.name in taken && (entry.folded ?? false) === folded)
      .map(({ from, folded: _, ...entry }) => ({
        ...entry,
        ...taken[entry.name],
        name: prefix + entry.name,
        ...(from === undefined ? {} : { suggestions: sources[from] })
      }));
  const searched = parameters.map(one => {
    const { label, value } = ofParameter(one);
    return { name: `${prefix}space.${label}`, label, type: 'range', placeholder: trans.__('stays at %1', value ?? '') };
  });
  const space: IPart[] =
    'space' in taken && searched.length > 0
      ? [{ title: trans.__('What is searched: 0.01 to 10 log, 2 to 8 step 2, or a list'), fields: searched }]
      : [];
  return [...space, { title: verb.accept, fields: fields(false) }, { title: trans.__('More'), fields: fields(true), folded: true }];
}

/** Ask for what fields choose from; what the server does not say is left out. */
export async function sourcesOf(service: IService, project: string): Promise<ISources> {
  const [data, models, served] = await Promise.all([
    service.ask<{ datasets: string[] }>('GET', '/datasets', project).catch(() => undefined),
    service.ask<{ models: RegisteredModel[] }>('GET', '/models', project).catch(() => undefined),
    service.ask<{ deployments: Deployment[] }>('GET', '/deployments', project).catch(() => undefined)
  ]);
  return {
    datasets: data?.datasets ?? [],
    models: models?.models.flatMap(versionsOf) ?? [],
    deployments: served?.deployments.map(one => one.name) ?? []
  };
}

function versionsOf({ name, versions }: RegisteredModel): string[] {
  const aliases = versions.flatMap(one => one.aliases).map(alias => `${name}@${alias}`);
  return [...aliases, ...versions.slice(0, 10).map(one => `${name}/${one.version}`)];
}
