/**
 * Return a function that has some work done: never twice at once, and once more when it was called
 * meanwhile.
 */
export function coalesced(work: () => Promise<void>, pause_ms: () => number): () => void {
  let busy = false;
  let again = false;
  const run = async () => {
    busy = true;
    do {
      again = false;
      await work();
      await new Promise(resolve => setTimeout(resolve, pause_ms()));
    } while (again);
    busy = false;
  };
  return () => {
    again = true;
    if (!busy) {
      void run();
    }
  };
}
