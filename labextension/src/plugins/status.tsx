import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PathExt } from '@jupyterlab/coreutils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import React from 'react';
import { DRIVE } from '../drive';
import { ids, NAMESPACE } from '../names';
import { Status } from '../records';
import { useSurroundings, View } from '../views/context';
import { IMlops } from './service';

const PAUSE_MS = 1_000;

/** Whether what is in front of the user can be reproduced, as a word in the status bar. */
export const status: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:status`,
  description: 'Says in the status bar whether code and data are pinned.',
  autoStart: true,
  requires: [IMlops, INotebookTracker],
  optional: [IStatusBar],
  activate: (_: JupyterFrontEnd, mlops: IMlops, tracker: INotebookTracker, bar: IStatusBar | null) => {
    if (bar === null) {
      return;
    }
    const watched = new Watched(mlops, tracker);
    bar.registerStatusItem(`${NAMESPACE}:status`, {
      item: new View(mlops, () => <Item watched={watched} />),
      align: 'left',
      rank: 100,
      isActive: () => watched.status !== undefined,
      activeStateChanged: watched.changed
    });
  }
};

/** The status of the notebook at hand, looked at when it was opened and when it was saved. */
class Watched {
  constructor(
    private readonly mlops: IMlops,
    private readonly tracker: INotebookTracker
  ) {
    tracker.currentChanged.connect(() => this.soon());
    tracker.widgetAdded.connect((_, panel: NotebookPanel) => {
      panel.context.saveState.connect((_, state) => state === 'completed' && this.soon());
    });
    this.soon();
  }

  get status(): Status | undefined {
    return this.found;
  }

  get changed(): ISignal<this, void> {
    return this.signal;
  }

  private soon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), PAUSE_MS);
  }

  private async look(): Promise<void> {
    const shown = this.tracker.currentWidget?.context.path;
    const path = shown?.startsWith(`${DRIVE}:`) ? undefined : shown;
    const folder = path === undefined ? undefined : PathExt.dirname(path);
    const project = folder === undefined ? undefined : await this.mlops.projects.of(folder);
    this.found = undefined;
    if (path !== undefined && project !== undefined) {
      const query = { notebook: path };
      this.found = await this.mlops.service.ask<Status>('GET', '/status', project, { query }).catch(() => undefined);
    }
    this.signal.emit();
  }

  private readonly signal = new Signal<this, void>(this);
  private found: Status | undefined;
  private timer = 0;
}

function Item({ watched }: { watched: Watched }): React.ReactElement | null {
  const [found, setFound] = React.useState(watched.status);
  React.useEffect(() => {
    const changed = () => setFound(watched.status);
    watched.changed.connect(changed);
    return () => void watched.changed.disconnect(changed);
  }, [watched]);
  return found === undefined ? null : <Word status={found} />;
}

function Word({ status }: { status: Status }): React.ReactElement {
  const { commands, trans } = useSurroundings();
  const { word, state, title } = judged(status, trans);
  return (
    <button type="button" className="mlops-StatusItem" data-state={state} title={title} onClick={() => void commands.execute(ids.findings)}>
      <span aria-hidden="true" className="mlops-StatusItem-mark" /> {word}
    </button>
  );
}

/** Say in a word how much of a run made now could be had again. */
function judged(status: Status, trans: TranslationBundle): { word: string; state: string; title: string } {
  const serious = status.findings.filter(one => one.severity !== 'info');
  const hindering = serious.filter(one => one.severity === 'error');
  const told = serious.map(one => one.message).join('\n');
  const dirty = status.snapshot?.code.dirty || status.snapshot?.datasets.some(one => one.changed);
  if (hindering.length > 0 || status.snapshot === null) {
    return { word: trans.__('Not reproducible'), state: 'error', title: told };
  }
  if (serious.length > 0) {
    return { word: trans._n('%1 finding', '%1 findings', serious.length), state: 'warning', title: told };
  }
  return dirty
    ? { word: trans.__('Uncommitted'), state: 'dirty', title: trans.__('A run takes the working tree as it is') }
    : { word: trans.__('Pinned'), state: 'pinned', title: trans.__('Code and data are as they were committed') };
}
