import { ServerConnection } from '@jupyterlab/services';
import { DisposableDelegate, IDisposable } from '@lumino/disposable';

/** Something that has happened in a project; `seq` counts on, and `data` depends on the kind. */
export interface IEvent {
  seq: number;
  kind: string;
  id: string;
  data: any;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * The events of a project, over one websocket however many listen. A lost connection is made anew
 * and goes on where it was; where the server does not know any more what was missed it says `reset`.
 */
export class Events {
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly url: (since: number | undefined) => string,
    private readonly save: (event: IEvent) => void
  ) {}

  get isDisposed(): boolean {
    return this.disposed;
  }

  /** Hear of events until the answer is disposed of. */
  listen(heard: (event: IEvent) => void): IDisposable {
    this.listeners.add(heard);
    if (this.socket === undefined) {
      this.connect();
    }
    return new DisposableDelegate(() => {
      this.listeners.delete(heard);
      if (this.listeners.size === 0) {
        this.close();
      }
    });
  }

  private connect(): void {
    const socket = new this.settings.WebSocket(this.url(this.seq));
    this.socket = socket;
    socket.onopen = () => {
      this.pause = FIRST_PAUSE_MS;
    };
    socket.onmessage = message => {
      const event = JSON.parse(message.data) as IEvent;
      this.seq = event.seq;
      if (event.kind === 'save') {
        this.save(event);
      } else {
        this.tell(event);
      }
    };
    socket.onclose = () => {
      if (this.socket === socket) {
        this.timer = window.setTimeout(() => this.connect(), this.pause);
        this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
      }
    };
  }

  private tell(event: IEvent): void {
    [...this.listeners].forEach(heard => heard(event));
  }

  private close(): void {
    this.disposed = true;
    window.clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
  }

  private readonly listeners = new Set<(event: IEvent) => void>();
  private socket: WebSocket | undefined;
  private seq: number | undefined;
  private pause = FIRST_PAUSE_MS;
  private disposed = false;
  private timer = 0;
}
