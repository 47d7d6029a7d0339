import { addAboveIcon, checkIcon, deleteIcon, launchIcon, redoIcon, runIcon, stopIcon } from '@jupyterlab/ui-components';
import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { Listing, Summary } from '../records';
import { ids } from '../names';
import { useSurroundings } from './context';
import { useSettled } from './form';
import { conditions } from './query';
import { ago, Deeds, ENDED, figure, IDeed, Problem, State, seconds } from './pieces';
import { useListing } from './listing';

const ROW = 50;
const STATES = ['RUNNING', 'PENDING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'LOST'];

/** The runs of a project: live, filtered, sorted, and selected to be compared. */
export function Runs({ project }: { project: string }): React.ReactElement {
  const { trans, commands } = useSurroundings();
  const [text, setText] = React.useState('');
  const [state, setState] = React.useState('');
  const [sort, setSort] = React.useState('');
  const [selected, setSelected] = React.useState<readonly string[]>([]);
  const words = useSettled(text, 200);
  const query = { ...conditions(words), ...(state ? { state } : {}), ...(sort ? { sort } : {}) };
  const listing = useListing(project, query);
  const metrics = useMetrics(listing.known);

  React.useEffect(() => setSelected([]), [project]);
  const toggle = (id: string) =>
    setSelected(before => (before.includes(id) ? before.filter(one => one !== id) : [...before, id]));
  const compare = () => void commands.execute(ids.compare, { project, runs: [...selected] });

  return (
    <div className="mlops-Runs">
      <div className="mlops-Filter">
        <input
          type="search"
          className="mlops-Input"
          value={text}
          placeholder={trans.__('Notebook, or test_accuracy>0.9')}
          aria-label={trans.__('Filter runs: a part of the notebook’s path, or conditions such as test_accuracy>0.9')}
          onChange={event => setText(event.target.value)}
        />
        <div className="mlops-Filter-row">
          <select className="mlops-Input" value={state} aria-label={trans.__('State')} onChange={e => setState(e.target.value)}>
            <option value="">{trans.__('Any state')}</option>
            {STATES.map(one => (
              <option key={one}>{one}</option>
            ))}
          </select>
          <select className="mlops-Input" value={sort} aria-label={trans.__('Sort by')} onChange={e => setSort(e.target.value)}>
            <option value="">{trans.__('Newest first')}</option>
            <option value="created">{trans.__('Oldest first')}</option>
            <option value="-seconds">{trans.__('Longest first')}</option>
            {metrics.map(name => (
              <option key={name} value={`-metric.${name}`}>
                {trans.__('Best %1', name)}
              </option>
            ))}
          </select>
        </div>
        <div className="mlops-Filter-row">
          <span className="mlops-dim" role="status">
            {listing.total === undefined ? '' : trans._n('%1 run', '%1 runs', listing.total)}
          </span>
          <button type="button" className="mlops-Button" disabled={selected.length < 2} onClick={compare}>
            {selected.length ? trans.__('Compare %1', selected.length) : trans.__('Compare')}
          </button>
        </div>
      </div>
      <Problem error={listing.problem} />
      <Rows
        key={JSON.stringify(query)}
        count={listing.total ?? 0}
        row={i => listing.row(i)}
        see={listing.see}
        draw={run => (
          <Row
            run={run}
            project={project}
            selected={selected.includes(run.id)}
            onSelect={() => toggle(run.id)}
          />
        )}
      />
      {listing.total === 0 && !listing.problem && (
        <p className="mlops-Empty">
          {text || state ? trans.__('No run meets this.') : trans.__('No runs yet. Open a notebook and press Train in its toolbar.')}
        </p>
      )}
    </div>
  );
}

function Row(props: { run: Summary; project: string; selected: boolean; onSelect: () => void }): React.ReactElement {
  const { commands, trans } = useSurroundings();
  const { run, project } = props;
  const name = run.notebook.split('/').at(-1) || run.deployment || run.pipeline;
  const open = () => void commands.execute(ids.openRun, { project, run: run.id });
  return (
    <div className="mlops-Row" data-selected={props.selected}>
      <input
        type="checkbox"
        checked={props.selected}
        onChange={props.onSelect}
        aria-label={trans.__('Select run %1', run.id)}
      />
      <button type="button" className="mlops-Row-main" onClick={open} title={`${run.notebook}\n${run.id}`}>
        <span className="mlops-Row-line">
          <State state={run.state} short />
          <span className="mlops-Row-name">{run.pipeline === 'training' ? name : `${run.pipeline} ${run.deployment ?? name}`}</span>
          <span className="mlops-Row-end mlops-dim">{ago(run.created_at)}</span>
        </span>
        <span className="mlops-Row-line mlops-dim">
          <span className="mlops-Row-name">{detail(run)}</span>
        </span>
      </button>
      <div className="mlops-Row-actions">
        <RunActions run={run} project={project} />
      </div>
      {run.progress && !ENDED.has(run.state) && (
        <div className="mlops-Row-progress" style={{ width: `${(100 * run.progress.done) / Math.max(1, run.progress.total)}%` }} />
      )}
    </div>
  );
}

function detail(run: Summary): string {
  if (run.error) {
    return run.error.message;
  }
  if (!ENDED.has(run.state)) {
    const stage = run.stages.find(one => one.state === 'RUNNING')?.name ?? run.state.toLowerCase();
    return run.progress ? `${stage} · cell ${run.progress.done} of ${run.progress.total}` : stage;
  }
  const metrics = Object.entries(run.metrics)
    .sort(([a], [b]) => Number(b.startsWith('test_')) - Number(a.startsWith('test_')))
    .slice(0, 2)
    .map(([name, value]) => `${name} ${figure(value)}`);
  return [...metrics, run.seconds === null ? '' : seconds(run.seconds)].filter(Boolean).join(' · ');
}

/** The buttons that fit a run's state. */
export function RunActions({ run, project, words }: { run: Doable; project: string; words?: boolean }): React.ReactElement {
  const { trans } = useSurroundings();
  return <Deeds deeds={deedsOf(run, trans)} args={{ project, run: run.id }} about={trans.__('run %1', run.id)} words={words} />;
}

type Doable = Pick<Summary, 'id' | 'state' | 'pipeline' | 'model'>;

function deedsOf(run: Doable, trans: TranslationBundle): IDeed[] {
  if (!ENDED.has(run.state)) {
    return [{ command: ids.cancel, label: trans.__('Cancel'), icon: stopIcon }];
  }
  const training = run.pipeline === 'training';
  const of = { what: run.id };
  const ofModel = [
    { command: ids.deploy, label: trans.__('Deploy…'), icon: launchIcon, args: of },
    { command: ids.evaluate, label: trans.__('Evaluate…'), icon: checkIcon, args: of }
  ];
  const ofTraining = [
    { command: ids.reproduce, label: trans.__('Reproduce'), icon: redoIcon },
    { command: ids.update, label: trans.__('Update…'), icon: addAboveIcon, args: of }
  ];
  const good = run.state === 'SUCCEEDED';
  return [
    ...(good && run.model !== null && (training || run.pipeline === 'tuning') ? ofModel : []),
    ...(good && training ? ofTraining : []),
    ...(good ? [] : [{ command: ids.resume, label: trans.__('Resume'), icon: runIcon }]),
    { command: ids.deleteRun, label: trans.__('Delete…'), icon: deleteIcon }
  ];
}

/** Many rows of which only those in sight are drawn. */
function Rows<T>(props: {
  count: number;
  row: (index: number) => T | undefined;
  see: (first: number, last: number) => void;
  draw: (item: T) => React.ReactElement;
}): React.ReactElement {
  const { trans } = useSurroundings();
  const place = React.useRef<HTMLDivElement>(null);
  const [[top, height], setSeen] = React.useState([0, 600]);
  const first = Math.max(0, Math.floor(top / ROW) - 4);
  const last = Math.min(props.count, Math.ceil((top + height) / ROW) + 4);

  React.useEffect(() => {
    const node = place.current!;
    const look = () => setSeen([node.scrollTop, node.clientHeight]);
    const watching = new ResizeObserver(look);
    watching.observe(node);
    node.addEventListener('scroll', look, { passive: true });
    return () => {
      watching.disconnect();
      node.removeEventListener('scroll', look);
    };
  }, []);
  React.useEffect(() => props.see(first, last), [first, last, props.see]);

  const step = (event: React.KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const buttons = [...place.current!.querySelectorAll<HTMLElement>('.mlops-Row-main')];
    const at = buttons.findIndex(one => one.parentElement!.contains(document.activeElement));
    if (by !== 0 && at >= 0) {
      event.preventDefault();
      buttons[at + by]?.focus();
    }
  };

  const indices = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  return (
    <div className="mlops-Rows" ref={place} onKeyDown={step}>
      <ul className="mlops-Rows-all" style={{ height: props.count * ROW }} aria-label={trans.__('Runs')}>
        {indices.map(index => {
          const item = props.row(index);
          return (
            <li key={index} style={{ top: index * ROW, height: ROW }} aria-setsize={props.count} aria-posinset={index + 1}>
              {item === undefined ? <div className="mlops-Row mlops-mod-waiting" /> : props.draw(item)}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function useMetrics(known: Listing['runs']): string[] {
  return React.useMemo(() => {
    const names = new Set(known.flatMap(run => Object.keys(run.metrics)));
    return [...names].sort().slice(0, 30);
  }, [known]);
}
