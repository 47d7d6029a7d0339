import { Dialog } from '@jupyterlab/apputils';
import React from 'react';
import { View } from '../views/context';
import { Values } from '../views/fields';
import { Problem } from '../views/pieces';
import { IMlops } from './service';

/** A question with a form: how it is drawn, and what is done with what was chosen. */
export interface IQuestion<T> {
  title: string;
  accept: string;
  /** Draw the form, which tells what was chosen: undefined while it cannot be sent. */
  draw: (tell: (chosen: Values | undefined) => void) => React.ReactElement;
  send: (chosen: Values) => Promise<T>;
}

/**
 * Ask, and return what came of it. The form stays where the server refuses, with the reason in it;
 * undefined where the user has given up.
 */
export async function asked<T>(mlops: IMlops, question: IQuestion<T>): Promise<T | undefined> {
  let chosen: Values | undefined;
  let problem: Error | undefined;
  let answer: T | undefined;
  const tell = (told: Values | undefined) => {
    chosen = told;
    dialog.allow(told !== undefined);
  };
  const body = new View(mlops, () => (
    <div className="mlops-Train">
      {question.draw(tell)}
      <Problem error={problem} />
    </div>
  ));
  const dialog: FormDialog = new FormDialog(
    {
      title: question.title,
      body,
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: question.accept })]
    },
    async () => {
      try {
        answer = await question.send(chosen!);
        return true;
      } catch (error) {
        problem = error as Error;
        body.update();
        return false;
      }
    }
  );
  dialog.addClass('mlops-TrainDialog');
  dialog.allow(false);
  await dialog.launch();
  return answer;
}

const ACCEPT = 1;

/** A dialog that goes away only when what it asks for is done. */
class FormDialog extends Dialog<unknown> {
  constructor(
    options: Partial<Dialog.IOptions<unknown>>,
    private readonly send: () => Promise<boolean>
  ) {
    super(options);
  }

  resolve(index = ACCEPT): void {
    if (index !== ACCEPT) {
      super.resolve(index);
    } else if (this.allowed && !this.busy) {
      void this.attempt();
    }
  }

  /** Let the form be sent, or not. */
  allow(allowed: boolean): void {
    this.allowed = allowed;
    const button = this.node.querySelector<HTMLButtonElement>('.jp-mod-accept.jp-mod-styled');
    button?.toggleAttribute('disabled', !allowed || this.busy);
    // A button that is disabled gives the focus away, and Escape would not be heard.
    const cancel = this.node.querySelector<HTMLButtonElement>('.jp-Dialog-button.jp-mod-reject');
    const at = document.activeElement;
    if (button?.disabled && (at === button || at === document.body)) {
      cancel?.focus();
    } else if (button?.disabled === false && at === cancel && !this.reached) {
      this.reached = true;
      button.focus();
    }
  }

  private async attempt(): Promise<void> {
    this.busy = true;
    this.allow(this.allowed);
    const done = await this.send();
    this.busy = false;
    this.allow(this.allowed);
    if (done) {
      super.resolve(ACCEPT);
    } else {
      this.node.querySelector('.mlops-Train > .mlops-Problem')?.scrollIntoView({ block: 'nearest' });
    }
  }

  private allowed = false;
  private reached = false;
  private busy = false;
}
