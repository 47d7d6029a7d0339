import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { DRIVE } from '../drive';

/** Which notebook a command means. */
export interface INamed {
  path?: string;
  /** Whether it is the one that is selected in the file browser. */
  selected?: boolean;
}

/** Return what finds the notebook of a command: named, selected, or in front of the user. */
export function atHand(tracker: INotebookTracker | null, browser: IDefaultFileBrowser | null): (args: INamed) => string | undefined {
  const selected = (): string | undefined => {
    const item = browser?.selectedItems().next().value;
    return item?.type === 'notebook' ? item.path : undefined;
  };
  return args => trainable(args.path ?? (args.selected ? selected() : tracker?.currentWidget?.context.path));
}

/** Return the path of a notebook; that of a run is a record, and nothing to be trained. */
export function trainable(path: string | undefined): string | undefined {
  return path?.startsWith(`${DRIVE}:`) ? undefined : path;
}
