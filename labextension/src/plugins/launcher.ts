import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ids, NAMESPACE } from '../names';
import { IMlops } from './service';

/** A card in the launcher that shows the panel. */
export const launcher: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:launcher`,
  description: 'A card in the launcher.',
  autoStart: true,
  requires: [IMlops],
  optional: [ILauncher],
  activate: (_: JupyterFrontEnd, mlops: IMlops, cards: ILauncher | null) => {
    cards?.add({ command: ids.showPanel, category: mlops.trans.__('Other'), rank: 10 });
  }
};
