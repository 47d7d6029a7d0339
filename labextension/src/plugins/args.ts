import { JSONObject } from '@lumino/coreutils';

const KINDS: Record<string, JSONObject> = {
  project: { type: 'string', description: 'The project’s folder below the server’s root; the project at hand if absent.' },
  run: { type: 'string', description: 'Id of a run, the beginning of one, or "latest".' },
  runs: { type: 'array', items: { type: 'string' }, minItems: 2, description: 'Ids of runs.' },
  name: { type: 'string', description: 'Name of a deployment or a schedule.' },
  what: { type: 'string', description: 'A run, name/version, name@alias, or the path of a descriptor.' },
  path: { type: 'string', description: 'Path of a notebook; the one at hand if absent.' },
  revision: { type: 'integer', description: 'Number of a revision.' },
  percent: { type: 'integer', minimum: 0, maximum: 100, description: 'Part of the requests.' },
  pause: { type: 'boolean', description: 'Whether nothing is to be fired until it is resumed.' },
  resume: { type: 'boolean', description: 'Whether it is to be fired again.' },
  now: { type: 'boolean', description: 'Whether it is fired at once.' },
  cron: { type: 'string', description: 'Five fields: minute, hour, day of the month, month, day of the week.' }
};

/** Describe what a command takes, as JSON schema. */
export function described(names: string[], required: string[] = []): { args: JSONObject } {
  const properties = Object.fromEntries(names.map(name => [name, KINDS[name]]));
  return { args: { type: 'object', properties, ...(required.length ? { required } : {}) } };
}
