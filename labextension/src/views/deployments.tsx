import { runIcon, searchIcon, stopIcon, undoIcon } from '@jupyterlab/ui-components';
import React from 'react';
import { IEvent } from '../events';
import { ids } from '../names';
import { Deployment, RegisteredModel } from '../records';
import { useLive, useSurroundings } from './context';
import { Action, Deeds, ENDED, IDeed, Problem, State } from './pieces';

/** The deployments of a project. */
export function Deployments({ project }: { project: string }): React.ReactElement {
  const { service, trans, commands } = useSurroundings();
  const load = () => service.ask<{ deployments: Deployment[] }>('GET', '/deployments', project);
  const { value, problem } = useLive(project, load, event => event.kind === 'deployment', []);
  return (
    <div className="mlops-Section">
      <Problem error={problem} />
      {value?.deployments.length === 0 && <p className="mlops-Empty">{trans.__('Nothing is deployed. A run that has ended well offers it.')}</p>}
      <ul className="mlops-List" aria-label={trans.__('Deployments')}>
        {value?.deployments.map(one => (
          <li key={one.name} className="mlops-Row">
            <button
              type="button"
              className="mlops-Row-main"
              onClick={() => void commands.execute(ids.openDeployment, { project, name: one.name })}
            >
              <span className="mlops-Row-line">
                <State state={one.state} short />
                <span className="mlops-Row-name">{one.name}</span>
                <span className="mlops-Row-end mlops-dim">{one.target}</span>
              </span>
              <span className="mlops-Row-line mlops-dim">
                <span className="mlops-Row-name">{one.error?.message ?? traffic(one)}</span>
              </span>
            </button>
            <div className="mlops-Row-actions">
              <DeploymentActions deployment={one} project={project} />
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

function traffic(of: Deployment): string {
  const parts = of.revisions.filter(one => one.percent > 0).map(one => `revision ${one.number}: ${one.percent} %`);
  return parts.join(', ') || of.state.toLowerCase();
}

/** Whether there is a revision to go back to. */
export function canGoBack(of: Deployment): boolean {
  return of.revisions.length > 1;
}

/** The buttons that fit a deployment's state. */
export function DeploymentActions({ deployment, project, words }: { deployment: Deployment; project: string; words?: boolean }): React.ReactElement {
  const { trans } = useSurroundings();
  const deeds: IDeed[] = [
    ...(deployment.state === 'STOPPED' ? [{ command: ids.startDeployment, label: trans.__('Start'), icon: runIcon }] : []),
    ...(deployment.state === 'READY' ? [{ command: ids.monitor, label: trans.__('Monitor…'), icon: searchIcon }] : []),
    ...(canGoBack(deployment) ? [{ command: ids.rollback, label: trans.__('Roll back…'), icon: undoIcon }] : []),
    { command: ids.undeploy, label: trans.__('Take down…'), icon: stopIcon, kind: 'warn' }
  ];
  return <Deeds deeds={deeds} args={{ project, name: deployment.name }} about={deployment.name} words={words} />;
}

/** The models of the registry. */
export function Models({ project }: { project: string }): React.ReactElement {
  const { service, trans } = useSurroundings();
  const load = () => service.ask<{ models: RegisteredModel[] }>('GET', '/models', project);
  const ended = (event: IEvent) =>
    event.kind === 'deployment' || (event.kind === 'run' && ENDED.has(event.data?.run.state ?? 'CANCELED'));
  const { value, problem } = useLive(project, load, ended, []);
  return (
    <div className="mlops-Section">
      <Problem error={problem} />
      {value?.models.length === 0 && <p className="mlops-Empty">{trans.__('No model is registered yet.')}</p>}
      <ul className="mlops-List" aria-label={trans.__('Models')}>
        {value?.models.map(one => (
          <li key={one.name}>
            <details open={value.models.length === 1}>
              <summary className="mlops-Row-name">
                {one.name} <span className="mlops-dim">{trans._n('%1 version', '%1 versions', one.versions.length)}</span>
              </summary>
              <ul className="mlops-List" aria-label={trans.__('Versions of %1', one.name)}>
                {one.versions.slice(0, 50).map(version => (
                  <Version key={version.version} project={project} model={one.name} version={version} />
                ))}
              </ul>
            </details>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Version(props: { project: string; model: string; version: RegisteredModel['versions'][number] }): React.ReactElement {
  const { commands, trans } = useSurroundings();
  const { project, model, version } = props;
  const run = version.run_id;
  return (
    <li className="mlops-Row">
      <button
        type="button"
        className="mlops-Row-main"
        disabled={run === null}
        onClick={() => void commands.execute(ids.openRun, { project, run })}
      >
        <span className="mlops-Row-line">
          <span className="mlops-Row-name">{trans.__('Version %1', version.version)}</span>
          <span className="mlops-Row-end">
            {version.aliases.map(alias => (
              <span key={alias} className="mlops-Tag">
                @{alias}
              </span>
            ))}
          </span>
        </span>
      </button>
      <div className="mlops-Row-actions">
        <Action
          command={ids.deploy}
          args={{ project, what: `${model}/${version.version}` }}
          label={trans.__('Deploy…')}
          about={`${model} ${version.version}`}
        />
        <Action
          command={ids.evaluate}
          args={{ project, what: `${model}/${version.version}` }}
          label={trans.__('Evaluate…')}
          about={`${model} ${version.version}`}
        />
      </div>
    </li>
  );
}
