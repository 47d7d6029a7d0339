import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { SidePanel } from '@jupyterlab/ui-components';
import { AccordionPanel, Widget } from '@lumino/widgets';
import React from 'react';
import { mlopsIcon } from '../icons';
import { ids, NAMESPACE } from '../names';
import { Unseen, View } from '../views/context';
import { Deployments, Models } from '../views/deployments';
import { Runs } from '../views/runs';
import { Schedules } from '../views/schedules';
import { described } from './args';
import { IMlops } from './service';

type Section = (props: { project: string }) => React.ReactElement;

/** The panel at the left: runs, deployments, schedules and models of the project at hand. */
export const sidebar: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:sidebar`,
  description: 'A panel with the runs, deployments, schedules and models of a project.',
  autoStart: true,
  requires: [IMlops],
  optional: [ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    mlops: IMlops,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const { trans } = mlops;
    const panel = new SidePanel();
    panel.id = 'mlops-panel';
    panel.title.icon = mlopsIcon;
    panel.title.caption = trans.__('MLOps');
    panel.addClass('mlops-Panel');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', trans.__('MLOps'));
    const accordion = panel.content as AccordionPanel;

    const section = (title: string, draw: Section, at: number, open: boolean) => {
      // Runs are there before the panel is: they come at once, and from a file of ours.
      const Kind = draw === Runs ? View : Unseen;
      const widget = new Kind(mlops, () => <OfProject mlops={mlops} draw={draw} />);
      widget.title.label = title;
      panel.insertWidget(at, widget);
      if (!open) {
        accordion.collapse(panel.widgets.indexOf(widget));
      }
      return widget;
    };
    const head: Widget = new View(mlops, () => <Project mlops={mlops} />);
    panel.header.addWidget(head);
    section(trans.__('Runs'), Runs, 0, true);
    section(trans.__('Deployments'), Deployments, 1, true);
    section(trans.__('Models'), Models, 2, false);
    accordion.setRelativeSizes([7, 2, 1]);
    void mlops.service.offers('/schedules').then(
      offered => {
        if (offered) {
          section(trans.__('Schedules'), Schedules, 2, false);
          accordion.setRelativeSizes([5, 2, 2, 2]);
        }
      },
      () => undefined
    );

    app.shell.add(panel, 'left', { rank: 350 });
    restorer?.add(panel, panel.id);
    app.commands.addCommand(ids.showPanel, {
      label: trans.__('Show MLOps Panel'),
      caption: trans.__('Show runs, deployments, schedules and models'),
      describedBy: described([]),
      execute: () => {
        (app.shell as { expandLeft?: (id?: string) => void }).expandLeft?.(panel.id);
        app.shell.activateById(panel.id);
      }
    });
    palette?.addItem({ command: ids.showPanel, category: trans.__('MLOps') });
  }
};

function useProject(mlops: IMlops): string | undefined {
  const [project, setProject] = React.useState(mlops.projects.current);
  React.useEffect(() => {
    const changed = (_: unknown, found: string | undefined) => setProject(found);
    mlops.projects.changed.connect(changed);
    setProject(mlops.projects.current);
    return () => void mlops.projects.changed.disconnect(changed);
  }, [mlops]);
  return project;
}

function OfProject({ mlops, draw: Draw }: { mlops: IMlops; draw: Section }): React.ReactElement | null {
  const project = useProject(mlops);
  return project === undefined ? null : <Draw key={project} project={project} />;
}

function Project({ mlops }: { mlops: IMlops }): React.ReactElement {
  const { trans } = mlops;
  const project = useProject(mlops);
  if (project === undefined) {
    return (
      <p className="mlops-Empty">
        {trans.__('This folder is no project. In a terminal:')} <code>jupyter mlops init .</code>{' '}
        <button type="button" className="mlops-Button" onClick={() => void mlops.projects.again()}>
          {trans.__('Look again')}
        </button>
      </p>
    );
  }
  const name = project.split('/').at(-1) || trans.__('the server’s root');
  return (
    <p className="mlops-Project" title={`/${project}`}>
      {trans.__('Project')} <b>{name}</b>
    </p>
  );
}
