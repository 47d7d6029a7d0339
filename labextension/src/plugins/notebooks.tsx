import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, IToolbarWidgetRegistry, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ToolbarButton } from '@jupyterlab/ui-components';
import React from 'react';
import { DRIVE } from '../drive';
import { mlopsIcon } from '../icons';
import { ids, NAMESPACE } from '../names';
import { Hyperparameter, Run, Setting, Status } from '../records';
import { View } from '../views/context';
import { Findings } from '../views/pieces';
import { IBefore, IChosen, IFix, initial, TrainForm } from '../views/train';
import { described } from './args';
import { tried } from './asking';
import { ofSession } from './session';
import { IMlops } from './service';

type Args = Record<string, any>;
const TAG = 'parameters';
const LOCAL = 'local';

/** What can be done with a notebook: train it, look at its findings, mark its parameters. */
export const notebooks: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:notebooks`,
  description: 'Train a notebook from its toolbar, the file browser or the palette.',
  autoStart: true,
  requires: [IMlops, INotebookTracker],
  optional: [IDefaultFileBrowser, IToolbarWidgetRegistry, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    mlops: IMlops,
    tracker: INotebookTracker,
    browser: IDefaultFileBrowser | null,
    toolbar: IToolbarWidgetRegistry | null,
    palette: ICommandPalette | null
  ) => {
    const { commands } = app;
    const { trans, service } = mlops;
    const selected = (): string | undefined => {
      const item = browser?.selectedItems().next().value;
      return item?.type === 'notebook' ? item.path : undefined;
    };
    // The notebook of a run is a record, and nothing to be trained.
    const trainable = (path: string | undefined) => (path?.startsWith(`${DRIVE}:`) ? undefined : path);
    const pathOf = (args: Args): string | undefined =>
      trainable(args.path ?? (args.selected ? selected() : tracker.currentWidget?.context.path));
    const panelOf = (path: string): NotebookPanel | undefined => tracker.find(panel => panel.context.path === path);
    const there = (args: Args): boolean => pathOf(args) !== undefined;

    const before = async (path: string): Promise<IBefore> => {
      const folder = PathExt.dirname(path);
      await saved(panelOf(path));
      const query = { notebook: path };
      const [status, parameters, datasets, config, live] = await Promise.all([
        service.ask<Status>('GET', '/status', folder, { query }),
        service.ask<{ parameters: Hyperparameter[] }>('GET', '/parameters', folder, { query }),
        service.ask<{ datasets: string[] }>('GET', '/datasets', folder),
        service.ask<{ settings: Setting[] }>('GET', '/config', folder),
        ofSession(panelOf(path))
      ]);
      const backend = String(config.settings.find(one => one.name === 'run.backend')?.value ?? LOCAL);
      return {
        status,
        parameters: parameters.parameters.map(one => live.get(one.name) ?? one),
        pinned: Object.fromEntries(parameters.parameters.map(one => [one.name, initial(one)])),
        datasets: datasets.datasets,
        backend,
        backends: [LOCAL, 'kubeflow']
      };
    };
    const fixes: IFix[] = [
      {
        label: trans.__('Put the active cell under parameters'),
        fixes: finding => finding.message.includes(`\`${TAG}\``),
        make: () => commands.execute(ids.markParameters)
      }
    ];

    commands.addCommand(ids.train, {
      label: args => (args.toolbar ? trans.__('Train') : trans.__('Train Notebook…')),
      caption: trans.__('Pin code, data and parameters, and train this notebook'),
      icon: args => (args.toolbar || args.selected ? mlopsIcon : undefined),
      describedBy: described(['path']),
      isEnabled: there,
      execute: async (args: Args) => {
        const path = pathOf(args);
        if (path === undefined) {
          return undefined;
        }
        const form = new Form(mlops, () => before(path), fixes);
        const dialog = new Dialog({
          title: trans.__('Train %1', PathExt.basename(path)),
          body: form,
          buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Train') })]
        });
        dialog.addClass('mlops-TrainDialog');
        form.allow = allowed => {
          const button = dialog.node.querySelector<HTMLButtonElement>('.jp-mod-accept.jp-mod-styled');
          button?.toggleAttribute('disabled', !allowed);
          // A button that is disabled gives the focus away, and Escape would not be heard.
          if (!allowed && [button, document.body].includes(document.activeElement as HTMLButtonElement)) {
            dialog.node.querySelector<HTMLElement>('.jp-Dialog-button.jp-mod-reject')?.focus();
          }
        };
        const { button } = await dialog.launch();
        const chosen = form.chosen;
        if (!button.accept || chosen === undefined) {
          return undefined;
        }
        const body = { ...chosen, notebook: path };
        const project = (await mlops.projects.of(PathExt.dirname(path))) ?? '';
        const run = await tried(() => service.ask<Run>('POST', '/train', project, { body }));
        if (run !== undefined) {
          await commands.execute(ids.openRun, { project, run: run.id });
        }
        return run;
      }
    });

    commands.addCommand(ids.findings, {
      label: trans.__('Show What Would Be Pinned…'),
      caption: trans.__('Look at code, data and parameters as a run would take them'),
      describedBy: described(['path']),
      isEnabled: there,
      execute: async (args: Args) => {
        const path = pathOf(args)!;
        const panel = panelOf(path);
        await saved(panel);
        const status = await tried(() => service.ask<Status>('GET', '/status', PathExt.dirname(path), { query: { notebook: path } }));
        if (status === undefined) {
          return;
        }
        const body = new View(mlops, () => <Pinned status={status} />);
        const { button } = await showDialog({
          title: trans.__('What a run of %1 would take', PathExt.basename(path)),
          body,
          buttons: [Dialog.cancelButton({ label: trans.__('Close') }), Dialog.okButton({ label: trans.__('Train…') })]
        });
        if (button.accept) {
          await commands.execute(ids.train, { path });
        }
      }
    });

    commands.addCommand(ids.markParameters, {
      label: trans.__('Mark Cell as Parameters'),
      caption: trans.__('Tag the active cell, so that a run can set what it assigns'),
      describedBy: described([]),
      isEnabled: () => tracker.activeCell?.model.type === 'code',
      isToggled: () => tags(tracker).includes(TAG),
      execute: () => {
        const cell = tracker.activeCell;
        if (cell === null) {
          return;
        }
        const marked = tags(tracker);
        const fresh = marked.includes(TAG) ? marked.filter(tag => tag !== TAG) : [...marked, TAG];
        cell.model.setMetadata('tags', fresh);
        commands.notifyCommandChanged(ids.markParameters);
      }
    });
    tracker.activeCellChanged.connect(() => commands.notifyCommandChanged(ids.markParameters));

    toolbar?.addFactory<NotebookPanel>(
      'Notebook',
      'mlops-train',
      panel => {
        const button = new ToolbarButton({
          icon: mlopsIcon,
          className: 'mlops-TrainButton',
          label: trans.__('Train'),
          tooltip: trans.__('Pin code, data and parameters, and train this notebook'),
          onClick: () => void commands.execute(ids.train, { path: panel.context.path })
        });
        button.setHidden(trainable(panel.context.path) === undefined);
        return button;
      }
    );
    for (const command of [ids.train, ids.findings, ids.markParameters]) {
      palette?.addItem({ command, category: trans.__('MLOps') });
    }
  }
};

/** Save a document where it has changed, so that what is looked at is what is seen. */
export async function saved(panel: NotebookPanel | undefined): Promise<void> {
  if (panel?.context.model.dirty && !panel.context.model.readOnly) {
    await panel.context.save();
  }
}

function tags(tracker: INotebookTracker): string[] {
  const found = tracker.activeCell?.model.getMetadata('tags');
  return Array.isArray(found) ? found : [];
}

/** The form of a run, in a dialog. */
class Form extends View {
  constructor(mlops: IMlops, load: () => Promise<IBefore>, fixes: IFix[]) {
    super(mlops, () => <TrainForm load={load} fixes={fixes} chosen={chosen => this.take(chosen)} />);
  }

  chosen: IChosen | undefined;
  allow: (allowed: boolean) => void = () => undefined;

  private take(chosen: IChosen | undefined): void {
    this.chosen = chosen;
    this.allow(chosen !== undefined);
  }
}

function Pinned({ status }: { status: Status }): React.ReactElement {
  return (
    <div className="mlops-Train">
      <Findings findings={status.findings} />
    </div>
  );
}
