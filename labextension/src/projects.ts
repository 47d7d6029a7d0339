import { PathExt } from '@jupyterlab/coreutils';
import { Contents } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

const MARK = 'mlops.toml';

/** Which project is at hand: that of the notebook or the folder that the user looks at. */
export class Projects {
  constructor(private readonly contents: Contents.IManager) {
    contents.fileChanged.connect((_, change) => {
      const paths = [change.newValue?.path, change.oldValue?.path];
      if (paths.some(path => path !== undefined && PathExt.basename(path) === MARK)) {
        this.known.clear();
        void this.look(this.folder);
      }
    });
  }

  /** The project's folder below the server's root; undefined where there is none. */
  get current(): string | undefined {
    return this.found;
  }

  get changed(): ISignal<this, string | undefined> {
    return this.signal;
  }

  /** Take the project that a folder belongs to as the one at hand. */
  async look(folder: string): Promise<void> {
    this.folder = folder;
    const found = await this.of(folder);
    if (this.folder === folder && (found !== this.found || !this.looked)) {
      this.looked = true;
      this.found = found;
      this.signal.emit(found);
    }
  }

  /** Return the folder of the project that a folder belongs to: the nearest upwards. */
  of(folder: string): Promise<string | undefined> {
    const local = this.contents.localPath(folder);
    const found = this.known.get(local) ?? this.search(local);
    this.known.set(local, found);
    return found;
  }

  /** Look again where there was no project, when one may have been made. */
  async again(): Promise<void> {
    this.known.clear();
    await this.look(this.folder);
  }

  private async search(folder: string): Promise<string | undefined> {
    try {
      const { content } = await this.contents.get(folder);
      if (content.some((file: Contents.IModel) => file.name === MARK)) {
        return folder;
      }
    } catch {
      this.known.delete(folder);
    }
    return folder === '' ? undefined : this.of(PathExt.dirname(folder));
  }

  private readonly known = new Map<string, Promise<string | undefined>>();
  private readonly signal = new Signal<this, string | undefined>(this);
  private folder = '';
  private found: string | undefined;
  private looked = false;
}
