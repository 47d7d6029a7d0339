import { PathExt } from '@jupyterlab/coreutils';
import { Contents, ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { IService } from './service';

export const DRIVE = 'mlops-runs';

/** Return the path of a run's executed notebook for the document manager. */
export function pathOf(project: string, run: string): string {
  return `${DRIVE}:${PathExt.join(project, `${run}.ipynb`)}`;
}

/** The executed notebooks of runs, as documents that can be read and not changed. */
export class ExecutedNotebooks implements Contents.IDrive {
  constructor(
    private readonly service: IService,
    readonly serverSettings: ServerConnection.ISettings
  ) {}

  readonly name = DRIVE;
  readonly fileChanged = new Signal<this, Contents.IChangedArgs>(this);
  isDisposed = false;

  dispose(): void {
    this.isDisposed = true;
    Signal.clearData(this);
  }

  async get(path: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    const run = PathExt.basename(path, '.ipynb');
    const wanted = options?.content !== false;
    const content = wanted ? await this.service.ask('GET', `/runs/${encodeURIComponent(run)}/notebook`, PathExt.dirname(path)) : null;
    const time = new Date(0).toISOString();
    return {
      name: PathExt.basename(path),
      path,
      type: 'notebook',
      writable: false,
      created: time,
      last_modified: time,
      mimetype: '',
      content,
      format: wanted ? 'json' : null
    } as unknown as Contents.IModel;
  }

  getDownloadUrl(): Promise<string> {
    return refused();
  }
  newUntitled(): Promise<Contents.IModel> {
    return refused();
  }
  delete(): Promise<void> {
    return refused();
  }
  rename(): Promise<Contents.IModel> {
    return refused();
  }
  save(): Promise<Contents.IModel> {
    return refused();
  }
  copy(): Promise<Contents.IModel> {
    return refused();
  }
  createCheckpoint(): Promise<Contents.ICheckpointModel> {
    return refused();
  }
  listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return Promise.resolve([]);
  }
  restoreCheckpoint(): Promise<void> {
    return refused();
  }
  deleteCheckpoint(): Promise<void> {
    return refused();
  }
}

function refused(): Promise<never> {
  return Promise.reject(new Error('The notebook of a run is a record: it can be read, and not changed.'));
}
