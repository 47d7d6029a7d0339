import React from 'react';
import { coalesced } from '../coalesced';
import { Listing, Summary } from '../records';
import { useSurroundings } from './context';
import { ENDED } from './pieces';
import { IQuery } from './query';

const PAGE = 60;
// So many pages are kept, those that were seen last.
const MOST = 10;
const PAUSE_MS = 400;

export interface IListing {
  total: number | undefined;
  problem: Error | undefined;
  /** The rows that are there, in no order. */
  known: Summary[];
  row: (index: number) => Summary | undefined;
  see: (first: number, last: number) => void;
}

interface IPages {
  total: number | undefined;
  pages: ReadonlyMap<number, Summary[]>;
}

const NONE: IPages = { total: undefined, pages: new Map() };

/** A listing of which only the pages in sight are asked for, anew whenever a run has changed. */
export function useListing(project: string, query: IQuery): IListing {
  const { service } = useSurroundings();
  const [found, setFound] = React.useState<IPages>(NONE);
  const [problem, setProblem] = React.useState<Error>();
  const seen = React.useRef([0, 0]);
  const look = React.useRef<(fresh: boolean) => void>(() => undefined);

  React.useEffect(() => {
    let over = false;
    let pages = new Map<number, Summary[]>();
    let stale = false;
    const page = (number: number) =>
      service.ask<Listing>('GET', '/runs', project, { query: { ...query, limit: PAGE, offset: number * PAGE } });
    const fill = async () => {
      const [first, last] = seen.current;
      const wanted = range(Math.floor(first / PAGE), Math.floor(Math.max(first, last - 1) / PAGE));
      const fresh = stale;
      stale = false;
      const missing = fresh ? wanted : wanted.filter(number => !pages.has(number));
      for (const number of missing) {
        const listing = await page(number);
        if (over) {
          return;
        }
        // What is out of sight may have changed as well, and is asked for when it is seen again.
        const kept = [...pages].filter(([n], i, all) => wanted.includes(n) || (!fresh && i > all.length - MOST));
        pages = new Map(kept).set(number, listing.runs);
        setFound({ total: listing.total, pages });
        setProblem(undefined);
      }
    };
    const run = coalesced(
      () => (over ? Promise.resolve() : fill().catch(error => setProblem(error))),
      () => (stale ? PAUSE_MS : 0)
    );
    look.current = fresh => {
      stale = stale || fresh;
      run();
    };
    // Another question has another first row, whichever was seen of the one before.
    seen.current = [0, 0];
    setFound(NONE);
    look.current(false);
    const listening = service.events(project).listen(event => {
      if (event.kind === 'run') {
        const fresh = event.data?.run as Summary | undefined;
        const place = fresh && seat(pages, fresh.id);
        if (fresh && place !== undefined && !ENDED.has(fresh.state)) {
          pages = new Map(pages).set(place, pages.get(place)!.map(run => (run.id === fresh.id ? fresh : run)));
          setFound(before => ({ ...before, pages }));
          return;
        }
      }
      if (event.kind === 'run' || event.kind === 'reset') {
        look.current(true);
      }
    });
    return () => {
      over = true;
      listening.dispose();
    };
  }, [service, project, JSON.stringify(query)]);

  const row = (index: number) => found.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  const see = React.useCallback((first: number, last: number) => {
    seen.current = [first, last];
    look.current(false);
  }, []);
  const known = React.useMemo(() => [...found.pages.values()].flat(), [found]);
  return { total: found.total, problem, known, row, see };
}

/** Return the page that has a run, undefined where none has. */
function seat(pages: ReadonlyMap<number, Summary[]>, id: string): number | undefined {
  return [...pages].find(([, runs]) => runs.some(run => run.id === id))?.[0];
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
