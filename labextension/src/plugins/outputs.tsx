import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMime, IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Panel, Widget } from '@lumino/widgets';
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
      { safe: true, mimeTypes: [MIME], createRenderer: options => new RunOutput(mlops, options, registry) },
      RANK
    );
  }
};

class RunOutput extends Panel implements IRenderMime.IRenderer {
  constructor(
    private readonly mlops: IMlops,
    private readonly options: IRenderMime.IRendererOptions,
    private readonly registry: IRenderMimeRegistry
  ) {
    super();
    this.addClass('mlops-Output');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.model = model;
    const { run_id: run, project } = model.data[MIME] as { run_id: string; project: string };
    const found = await this.folder(project);
    const key = JSON.stringify([run, found]);
    if (key !== this.drawn) {
      this.drawn = key;
      this.put(new View(this.mlops, () => <RunCard project={found} run={run} absent={() => void this.fallBack()} />));
    }
  }

  /** Show what the notebook has saved, where the server does not know the run. */
  private async fallBack(): Promise<void> {
    const saved = this.registry.createRenderer('text/html');
    this.put(saved);
    await saved.renderModel(this.model!);
  }

  private put(widget: Widget): void {
    this.widgets.forEach(one => one.dispose());
    this.addWidget(widget);
  }

  /** Return the project's folder, which is named relative to the notebook's. */
  private async folder(project: string): Promise<string> {
    const url = (await this.options.resolver?.resolveUrl(project)) ?? project;
    const folder = decodeURIComponent(url);
    return (await this.mlops.projects.of(folder)) ?? folder;
  }

  private drawn = '';
  private model: IRenderMime.IMimeModel | undefined;
}
