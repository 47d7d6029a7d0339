import { ellipsesIcon, LabIcon } from '@jupyterlab/ui-components';
import { Menu } from '@lumino/widgets';
import React from 'react';
import { Failure, Finding, Model, Stage } from '../records';
import { Refusal } from '../service';
import { useSurroundings } from './context';

const MARKS: Record<string, string> = {
  PENDING: '○',
  RUNNING: '●',
  STARTING: '●',
  UPDATING: '●',
  SUCCEEDED: '✓',
  READY: '✓',
  SKIPPED: '–',
  STOPPED: '–',
  FAILED: '✗',
  CANCELED: '⊘',
  DEGRADED: '!',
  LOST: '?'
};

export const ENDED = new Set(['SUCCEEDED', 'FAILED', 'CANCELED', 'LOST']);

/** A state, told by a mark and a word beside its colour. */
export function State({ state, short }: { state: string; short?: boolean }): React.ReactElement {
  return (
    <span className="mlops-State" data-state={state} title={short ? state : undefined}>
      <span aria-hidden="true">{MARKS[state] ?? '○'}</span>
      {short ? <span className="mlops-unseen">{state}</span> : ` ${state}`}
    </span>
  );
}

/** The stages of a run, in their order. */
export function Stages({ stages }: { stages: Stage[] }): React.ReactElement {
  const { trans } = useSurroundings();
  return (
    <ol className="mlops-Stages" aria-label={trans.__('Stages')}>
      {stages.map(stage => (
        <li key={stage.name} className="mlops-Stage" data-state={stage.state} title={said(stage)}>
          <span className="mlops-Stage-box">
            <State state={stage.state} short />
            <span>{stage.name}</span>
            <Taken stage={stage} />
          </span>
        </li>
      ))}
    </ol>
  );
}

function said(stage: Stage): string {
  const held = stage.peak_memory_bytes ? `, ${bytes(stage.peak_memory_bytes)}` : '';
  return stage.state + (stage.note ? `: ${stage.note}` : held);
}

function Taken({ stage }: { stage: Stage }): React.ReactElement | null {
  const running = stage.state === 'RUNNING' && stage.started_at !== null;
  const now = useClock(running);
  if (running) {
    return <span className="mlops-dim mlops-figure">{seconds(now - stage.started_at!)}</span>;
  }
  return stage.seconds === null ? null : <span className="mlops-dim mlops-figure">{seconds(stage.seconds)}</span>;
}

/** Seconds since the epoch, which count on while something goes on. */
function useClock(running: boolean): number {
  const [now, setNow] = React.useState(Date.now() / 1000);
  React.useEffect(() => {
    const timer = running ? window.setInterval(() => setNow(Date.now() / 1000), 1000) : 0;
    return () => window.clearInterval(timer);
  }, [running]);
  return now;
}

/** What is to be said before a run, each with what to do about it. */
export function Findings(props: {
  findings: readonly Finding[];
  action?: (finding: Finding) => React.ReactElement | null;
}): React.ReactElement | null {
  const { findings, action } = props;
  if (findings.length === 0) {
    return null;
  }
  return (
    <ul className="mlops-Findings">
      {findings.map((finding, i) => (
        <li key={i} className="mlops-Finding" data-severity={finding.severity}>
          <span className="mlops-Finding-severity">{finding.severity}</span>
          <div>
            <div>{finding.message}</div>
            <div className="mlops-dim">{finding.hint}</div>
          </div>
          {action?.(finding)}
        </li>
      ))}
    </ul>
  );
}

/** Why something did not go well, and what to do. */
export function Problem({ error }: { error: Error | Failure | undefined }): React.ReactElement | null {
  const { trans } = useSurroundings();
  if (error === undefined) {
    return null;
  }
  const failure = error as Failure;
  const hint = error instanceof Error && !(error instanceof Refusal) ? '' : failure.hint;
  // Of what is refused the reason says more than the name of its class.
  const title = error instanceof Refusal ? '' : error instanceof Error ? error.name : error.type;
  return (
    <div className="mlops-Problem" role="alert">
      {title && <b>{title}</b>}
      {failure.stage && <span> {trans.__('in stage %1', failure.stage)}</span>}
      {failure.cell && <span>, {trans.__('cell %1', failure.cell)}</span>}
      <div className="mlops-Problem-message">{error.message}</div>
      {hint && <div className="mlops-dim">{hint}</div>}
    </div>
  );
}

/** Names and what they are. */
export function Facts({ rows }: { rows: readonly (readonly [string, React.ReactNode])[] }): React.ReactElement {
  return (
    <dl className="mlops-Facts">
      {rows
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
    </dl>
  );
}

/** A button that runs one of our commands. */
export function Action(props: {
  command: string;
  args: Record<string, any>;
  label: string;
  icon?: React.ReactElement;
  kind?: 'accept' | 'warn';
  about?: string;
}): React.ReactElement {
  const { commands } = useSurroundings();
  const [busy, setBusy] = React.useState(false);
  const run = async () => {
    setBusy(true);
    await commands.execute(props.command, props.args).finally(() => setBusy(false));
  };
  const style = props.icon ? 'mlops-IconButton' : `mlops-Button ${props.kind ? `mlops-mod-${props.kind}` : ''}`;
  return (
    <button
      type="button"
      className={style}
      disabled={busy}
      title={props.icon ? props.label : undefined}
      aria-label={props.about ? `${props.label} ${props.about}` : props.icon ? props.label : undefined}
      onClick={event => {
        event.stopPropagation();
        void run();
      }}
    >
      {props.icon ?? props.label}
    </button>
  );
}

/** Something that can be done with a thing. */
export interface IDeed {
  command: string;
  label: string;
  icon: LabIcon;
  args?: Record<string, any>;
  kind?: 'warn';
}

// A row that is as wide as a panel has room for so many buttons beside its text.
const IN_ROW = 3;

/** What can be done with a thing: as words on its page, in a row as icons, the last of them in a menu. */
export function Deeds(props: { deeds: readonly IDeed[]; args: Record<string, any>; about: string; words?: boolean }): React.ReactElement {
  const { trans, commands } = useSurroundings();
  const { deeds, args, about, words } = props;
  const seen = words || deeds.length <= IN_ROW ? deeds : deeds.slice(0, IN_ROW - 1);
  const unfold = (event: React.MouseEvent) => {
    event.stopPropagation();
    const menu = new Menu({ commands });
    deeds.slice(seen.length).forEach(deed => menu.addItem({ command: deed.command, args: { ...args, ...deed.args } }));
    const button = event.currentTarget as HTMLElement;
    menu.aboutToClose.connect(() => button.focus());
    const { left, bottom } = button.getBoundingClientRect();
    menu.open(left, bottom);
  };
  return (
    <>
      {seen.map(deed => (
        <Action
          key={deed.label}
          command={deed.command}
          args={{ ...args, ...deed.args }}
          label={deed.label}
          about={about}
          kind={deed.kind}
          icon={words ? undefined : <deed.icon.react tag="span" className="mlops-Icon" />}
        />
      ))}
      {seen.length < deeds.length && (
        <button
          type="button"
          className="mlops-IconButton"
          title={trans.__('More')}
          aria-label={trans.__('More for %1', about)}
          aria-haspopup="menu"
          onClick={unfold}
        >
          <ellipsesIcon.react tag="span" className="mlops-Icon" />
        </button>
      )}
    </>
  );
}

export function seconds(value: number): string {
  const whole = Math.max(0, Math.round(value));
  if (value < 10 && value % 1 !== 0) {
    return `${Math.max(0, value).toFixed(1)} s`;
  }
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours} h ${minutes % 60} min` : minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${Number((value / 1000 ** step).toPrecision(3))} ${units[step]}`;
}

/** A number with four figures, as in the cards. */
export function figure(value: number | null | undefined): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(4))) : 'NaN';
}

export function shown(value: unknown): string {
  return value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

export function model(of: Model): string {
  const version = of.name ? `${of.name} ${of.version ?? ''}`.trim() : of.uri;
  return of.alias ? `${version} @${of.alias}` : version;
}

/** Moments as a list, in the clock of the zone that their texts name. */
export function Moments({ moments }: { moments: readonly string[] }): React.ReactElement {
  return (
    <ol className="mlops-Moments">
      {moments.map(moment => (
        <li key={moment} className="mlops-figure">
          <time dateTime={moment}>{clock(moment)}</time>
        </li>
      ))}
    </ol>
  );
}

/** Return a moment as the clock of its own zone shows it, with its distance from UTC. */
export function clock(iso: string): string {
  const [date, time, offset] = [iso.slice(0, 10), iso.slice(11, 16), iso.slice(19)];
  const day = new Intl.DateTimeFormat(undefined, { weekday: 'short', timeZone: 'UTC' }).format(new Date(`${date}T00:00:00Z`));
  return `${day} ${date} ${time} ${/^([+-]00:00|Z)?$/.test(offset) ? 'UTC' : `UTC${offset}`}`;
}

/** How long ago a moment was, in the words of the reader's language. */
export function ago(iso: string): string {
  const past = (Date.now() - Date.parse(iso)) / 1000;
  const steps: [number, Intl.RelativeTimeFormatUnit][] = [
    [60, 'second'],
    [3600, 'minute'],
    [86_400, 'hour'],
    [604_800, 'day'],
    [Infinity, 'week']
  ];
  const sizes = { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800 } as Record<string, number>;
  const unit = steps.find(([limit]) => past < limit)![1];
  const format = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' });
  return format.format(-Math.round(past / sizes[unit]), unit);
}
