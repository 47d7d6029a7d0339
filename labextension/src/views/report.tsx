import React from 'react';
import { Run } from '../records';
import { useLive, useSurroundings } from './context';
import { Problem } from './pieces';

/** Whether a run has found, tried or watched something that is more than metrics. */
export function hasReport({ evaluation, monitoring, study }: Run): boolean {
  return evaluation !== null || monitoring !== null || study !== null;
}

/** The report of a run as the server draws it, in a frame in which no script runs. */
export function Report({ project, run }: { project: string; run: Run }): React.ReactElement {
  const { service, trans } = useSurroundings();
  const load = () => service.ask<{ html: string }>('GET', `/runs/${encodeURIComponent(run.id)}/report`, project);
  const { value, problem } = useLive(project, load, event => event.kind === 'run' && event.id === run.id, [run.id]);
  const theme = useTheme();
  const place = React.useRef<HTMLIFrameElement>(null);
  const html = value?.html;
  const page = React.useMemo(() => (html === undefined ? undefined : framed(html)), [html, theme]);

  /** Make the frame as high as what is in it, whatever is unfolded there. */
  const fit = () => {
    const frame = place.current!;
    const inside = frame.contentDocument!.body;
    const measure = () => void (frame.style.height = `${inside.scrollHeight + 4}px`);
    new ResizeObserver(measure).observe(inside);
    measure();
  };
  if (page === undefined || html === '') {
    return problem ? <Problem error={problem} /> : <p className="mlops-dim">{html === '' ? trans.__('Nothing so far.') : trans.__('Loading…')}</p>;
  }
  return (
    <>
      <Problem error={problem} />
      <iframe ref={place} className="mlops-Report" title={trans.__('Report of run %1', run.id)} sandbox="allow-same-origin" srcDoc={page} onLoad={fit} />
    </>
  );
}

/** The name of the theme, which is another one when the user has changed it. */
function useTheme(): string | undefined {
  const [name, setName] = React.useState(document.body.dataset.jpThemeName);
  React.useEffect(() => {
    const watching = new MutationObserver(() => setName(document.body.dataset.jpThemeName));
    watching.observe(document.body, { attributeFilter: ['data-jp-theme-name'] });
    return () => watching.disconnect();
  }, []);
  return name;
}

const STYLE = /^--(?:jp-(?:ui-font|content-font|code-font|layout-color|border-|brand-color|error-color|warn-color|success-color)|md-)/;

/** Return a document with the colours and fonts that are Lab's now. */
function framed(html: string): string {
  const now = getComputedStyle(document.body);
  const names = new Set([...document.styleSheets].flatMap(variables));
  const values = [...names].map(name => `${name}:${now.getPropertyValue(name)}`).join(';');
  const body = 'margin:0;background:transparent;color:var(--jp-ui-font-color1);font:var(--jp-ui-font-size1)/1.5 var(--jp-ui-font-family)';
  const scheme = document.body.dataset.jpThemeLight === 'false' ? 'dark' : 'light';
  return `<!doctype html><meta charset="utf-8"><style>:root{color-scheme:${scheme};${values}}body{${body}}</style>${html}`;
}

/** Return the variables of colours and fonts that a style sheet sets for the whole page. */
function variables(sheet: CSSStyleSheet): string[] {
  try {
    return [...sheet.cssRules]
      .filter((rule): rule is CSSStyleRule => rule instanceof CSSStyleRule && rule.selectorText === ':root')
      .flatMap(rule => [...rule.style].filter(name => STYLE.test(name)));
  } catch {
    // Another origin's.
    return [];
  }
}
