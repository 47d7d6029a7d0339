import React from 'react';

/** Parts of which one is seen; the arrow keys go from one to the next. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly (readonly [string, () => React.ReactElement])[] }): React.ReactElement {
  const [chosen, setChosen] = React.useState(0);
  const at = Math.min(chosen, tabs.length - 1);
  const name = React.useId();
  const list = React.useRef<HTMLDivElement>(null);
  const step = (event: React.KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by !== 0) {
      const next = (at + by + tabs.length) % tabs.length;
      setChosen(next);
      (list.current!.children[next] as HTMLElement).focus();
    }
  };
  return (
    <>
      <div className="mlops-Tabs" role="tablist" aria-label={label} ref={list} onKeyDown={step}>
        {tabs.map(([title], i) => (
          <button
            key={title}
            type="button"
            role="tab"
            id={`${name}-tab-${i}`}
            aria-selected={i === at}
            aria-controls={`${name}-panel`}
            tabIndex={i === at ? 0 : -1}
            onClick={() => setChosen(i)}
          >
            {title}
          </button>
        ))}
      </div>
      <div className="mlops-Tabs-panel" role="tabpanel" id={`${name}-panel`} aria-labelledby={`${name}-tab-${at}`} key={at}>
        {tabs[at][1]()}
      </div>
    </>
  );
}
