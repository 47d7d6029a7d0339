import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { Token } from '@lumino/coreutils';
import { Events, IEvent } from './events';

/** What a request takes beside its path. */
export interface IAsked {
  query?: Record<string, string | number | boolean | readonly string[] | null | undefined>;
  body?: Record<string, unknown>;
}

/** One thing that a route takes: its type, as forms name types, and what it means. */
export interface ITaken {
  type: string;
  help: string;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** An answer of the server that says what is wrong, and what to do. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly hint: string,
    readonly type: string,
    readonly status: number
  ) {
    super(message);
  }
}

/** The verbs as the server extension offers them, for every project below the server's root. */
export interface IService {
  /** Ask for something of the project in a folder. */
  ask<T>(method: Method, path: string, project: string, asked?: IAsked): Promise<T>;
  /** Whether the server has a route, such as '/schedules'. */
  offers(path: string): Promise<boolean>;
  /** What a route takes in its body, by name, as the server describes it. */
  takes(method: Method, path: string): Promise<Record<string, ITaken>>;
  /** What happens in a project, as long as someone listens. */
  events(project: string): Events;
  /** Saves a notebook when a kernel asks for it; undefined where nobody can. */
  saver: ((path: string) => Promise<ISaved>) | undefined;
}

/** What became of a notebook that was to be saved: `saved` is null where it is not open here. */
export interface ISaved {
  saved: boolean | null;
  message: string;
}

export const IService = new Token<IService>(
  'mlops-nb:IService',
  'The runs, deployments and schedules of the projects below the server root.'
);

export class Service implements IService {
  constructor(private readonly settings = ServerConnection.makeSettings()) {}

  async ask<T>(method: Method, path: string, project: string, asked: IAsked = {}): Promise<T> {
    const url = this.url(path) + search({ ...asked.query, project });
    // Jupyter adds the time to the address of what is not to be stored; this asks whether it has changed.
    const init: RequestInit = { method, cache: 'no-cache', body: asked.body && JSON.stringify(asked.body) };
    const response = await ServerConnection.makeRequest(url, init, this.settings);
    if (!response.ok) {
      throw await refusal(response);
    }
    return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
  }

  async offers(path: string): Promise<boolean> {
    return `/mlops${path}` in (await this.description()).paths;
  }

  async takes(method: Method, path: string): Promise<Record<string, ITaken>> {
    const operation = (await this.description()).paths[`/mlops${path}`]?.[method.toLowerCase()];
    const properties: Record<string, any> = operation?.requestBody?.content['application/json'].schema.properties ?? {};
    return Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, { type: typeOf(of), help: of.description }]));
  }

  private description(): Promise<IDescription> {
    this.described ??= this.ask<IDescription>('GET', '/openapi.json', '');
    return this.described;
  }

  events(project: string): Events {
    const found = this.streams.get(project);
    if (found !== undefined && !found.isDisposed) {
      return found;
    }
    const url = URLExt.join(this.settings.wsUrl, 'mlops/events');
    const token = this.settings.token;
    const made = new Events(
      this.settings,
      since => url + search({ since, project, token, saves: this.saver !== undefined }),
      event => void this.save(event, project)
    );
    this.streams.set(project, made);
    return made;
  }

  /** Answer a kernel that wants a notebook saved: every connection that can save answers once. */
  private async save(event: IEvent, project: string): Promise<void> {
    const failed = (error: Error) => ({ saved: false, message: error.message });
    const told = await this.saver!(event.data.path).catch(failed);
    await this.ask('POST', '/saved', project, { body: { id: event.id, ...told } }).catch(() => undefined);
  }

  private url(path: string): string {
    return URLExt.join(this.settings.baseUrl, 'mlops', path);
  }

  saver: IService['saver'];
  private readonly streams = new Map<string, Events>();
  private described: Promise<IDescription> | undefined;
}

interface IDescription {
  paths: Record<string, Record<string, any>>;
}

const TYPES: Record<string, string> = { integer: 'int', number: 'float', boolean: 'flag', array: 'list', object: 'json', string: 'str' };

/** Return the type that forms have for a JSON schema; what may be null is what else it may be. */
function typeOf(schema: { type?: string; anyOf?: { type?: string }[] }): string {
  const types = (schema.anyOf ?? [schema]).map(one => one.type ?? '').filter(one => one !== 'null');
  return TYPES[types.includes('object') ? 'object' : types[0]] ?? 'str';
}

function search(values: NonNullable<IAsked['query']>): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    const several = Array.isArray(value) ? value : [value];
    several.filter(one => one !== undefined && one !== null && one !== '').forEach(one => found.append(name, String(one)));
  }
  return found.size > 0 ? `?${found}` : '';
}

async function refusal(response: Response): Promise<Refusal> {
  const text = await response.text();
  try {
    const { type, message, hint } = JSON.parse(text).error;
    return new Refusal(message, hint, type, response.status);
  } catch {
    const type = response.status === 404 ? 'Absent' : 'Unexpected';
    return new Refusal(`The server answered ${response.status} ${response.statusText}`, '', type, response.status);
  }
}
