import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMime, IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Panel } from '@lumino/widgets';
import React from 'react';
import { MIME, NAMESPACE } from '../names';
import { View } from '../views/context';
import { RunCard } from '../views/run';
import { IMlops } from './service';

// Before the widget's, which has -10: that one is lost with its kernel.
const RANK = -20;

/** A run in the output of a cell: fed by the server, it lives on without kernel and after a reload. */
export const outputs: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:outputs`,
  description: 'Renders runs in outputs.',
  autoStart: true,
  requires: [IMlops, IRenderMimeRegistry],
  activate: (_: JupyterFrontEnd, mlops: IMlops, registry: IRenderMimeRegistry) => {
    registry.addFactory(
      { safe: true, mimeTypes: [MIME], createRenderer: options => new RunOutput(mlops, options.resolver) },
      RANK
    );
  }
};

class RunOutput extends Panel implements IRenderMime.IRenderer {
  constructor(
    private readonly mlops: IMlops,
    private readonly resolver: IRenderMime.IResolver | null
  ) {
    super();
    this.addClass('mlops-Output');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { run_id: run, project } = model.data[MIME] as { run_id: string; project: string };
    const found = await this.folder(project);
    const key = JSON.stringify([run, found]);
    if (key !== this.drawn) {
      this.drawn = key;
      this.widgets.forEach(widget => widget.dispose());
      this.addWidget(new View(this.mlops, () => <RunCard project={found} run={run} />));
    }
  }

  /** Return the project's folder, which is named relative to the notebook's. */
  private async folder(project: string): Promise<string> {
    const url = (await this.resolver?.resolveUrl(project)) ?? project;
    const folder = decodeURIComponent(url);
    return (await this.mlops.projects.of(folder)) ?? folder;
  }

  private drawn = '';
}
