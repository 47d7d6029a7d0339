import React from 'react';

/** Parts of which one is seen; the arrow keys go from one to the next. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly (readonly [string, () => React.ReactElement])[] }): React.ReactElement {
  // By its title, once the user has chosen: another tab may come before it while it is seen.
  const [chosen, setChosen] = React.useState<string>();
  const at = Math.max(0, tabs.findIndex(([title]) => title === chosen));
  const name = React.useId();
  const list = React.useRef<HTMLDivElement>(null);
  const step = (event: React.KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by !== 0) {
      const next = (at + by + tabs.length) % tabs.length;
      setChosen(tabs[next][0]);
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
            onClick={() => setChosen(title)}
          >
            {title}
          </button>
        ))}
      </div>
      <div className="mlops-Tabs-panel" role="tabpanel" id={`${name}-panel`} aria-labelledby={`${name}-tab-${at}`} key={tabs[at][0]}>
        {tabs[at][1]()}
      </div>
    </>
  );
}
