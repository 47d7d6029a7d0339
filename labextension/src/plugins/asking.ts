import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Refusal } from '../service';

/** Ask before something that does harm. */
export async function sure(trans: TranslationBundle, title: string, body: string, yes: string): Promise<boolean> {
  const { button } = await showDialog({
    title,
    body,
    buttons: [Dialog.cancelButton({ label: trans.__('No') }), Dialog.warnButton({ label: yes })],
    defaultButton: 0
  });
  return button.accept;
}

/** Do something, and say why where it does not go. */
export async function tried<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const hint = error instanceof Refusal && error.hint ? `\n${error.hint}` : '';
    Notification.error(`${(error as Error).message}${hint}`, { autoClose: 12_000 });
    return undefined;
  }
}
