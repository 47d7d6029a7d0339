import { ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import React from 'react';
import { coalesced } from '../coalesced';
import { IEvent } from '../events';
import { IService, Refusal } from '../service';

/** What every view needs. */
export interface ISurroundings {
  service: IService;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

const Surroundings = React.createContext<ISurroundings | undefined>(undefined);

export function useSurroundings(): ISurroundings {
  return React.useContext(Surroundings)!;
}

/** A Lumino widget with a view in it. */
export class View extends ReactWidget {
  constructor(
    private readonly surroundings: ISurroundings,
    private readonly draw: () => React.ReactElement
  ) {
    super();
    this.addClass('mlops-View');
  }

  render(): React.ReactElement {
    return <Surroundings.Provider value={this.surroundings}>{this.draw()}</Surroundings.Provider>;
  }
}

/** A view that asks for nothing before it is seen for the first time. */
export class Unseen extends View {
  render(): React.ReactElement {
    return this.seen ? super.render() : <></>;
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.look();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.look();
  }

  private look(): void {
    if (!this.seen && this.isVisible) {
      this.seen = true;
      this.update();
    }
  }

  private seen = false;
}

/** What was asked for: the latest answer, and what is wrong since. */
export interface ILoaded<T> {
  value: T | undefined;
  problem: Refusal | Error | undefined;
  again: () => void;
}

const PAUSE_MS = 300;
const RETRY_MS = 3000;

/**
 * Load something, and load it anew when an event says that it has changed: at most every 300 ms, and
 * never twice at once. `merge` may know it from the event alone. What a server in trouble does not
 * answer is asked for again: the event may have been the last one.
 */
export function useLive<T>(
  project: string,
  load: () => Promise<T>,
  concerns: (event: IEvent) => boolean,
  on: readonly unknown[],
  merge: (value: T, event: IEvent) => T | undefined = () => undefined
): ILoaded<T> {
  const { service } = useSurroundings();
  const [value, setValue] = React.useState<T>();
  const [problem, setProblem] = React.useState<Error>();
  const latest = React.useRef<T>();
  const ask = React.useRef<() => void>(() => undefined);

  React.useEffect(() => {
    let over = false;
    const take = (fresh: T) => {
      latest.current = fresh;
      setValue(fresh);
      setProblem(undefined);
    };
    const work = async () => {
      try {
        const fresh = await load();
        if (!over) {
          take(fresh);
        }
      } catch (error) {
        if (!over) {
          setProblem(error as Error);
          if (!(error instanceof Refusal) || error.status >= 500) {
            setTimeout(() => over || run(), RETRY_MS);
          }
        }
      }
    };
    const run = coalesced(
      () => (over ? Promise.resolve() : work()),
      () => PAUSE_MS
    );
    ask.current = run;
    run();
    const listening = service.events(project).listen(event => {
      const concerned = event.kind === 'reset' || concerns(event);
      const merged = concerned && latest.current !== undefined ? merge(latest.current, event) : undefined;
      if (merged !== undefined) {
        take(merged);
      } else if (concerned) {
        run();
      }
    });
    return () => {
      over = true;
      listening.dispose();
    };
  }, [project, service, ...on]);

  return { value, problem, again: () => ask.current() };
}
