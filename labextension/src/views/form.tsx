import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { useSurroundings } from './context';
import { Asked, IField, IPart, Texts, Values } from './fields';
import { Problem } from './pieces';
import { literals, nested, read } from './reading';

/**
 * A form made from data. `tell` is told after every change, with undefined while something is wrong.
 * Where what `on` gives has changed, all is loaded anew.
 */
export function AskForm(props: {
  load: (texts: Texts) => Promise<Asked>;
  on?: (texts: Texts) => string;
  tell: (values: Values | undefined) => void;
}): React.ReactElement {
  const { trans } = useSurroundings();
  const [asked, setAsked] = React.useState<Asked>();
  const [problem, setProblem] = React.useState<Error>();
  const [texts, setTexts] = React.useState<Texts>({});
  const [hindered, hinder] = React.useState(false);
  const on = useSettled(props.on?.(texts) ?? '', 300);
  React.useEffect(() => {
    let over = false;
    props.load(texts).then(
      found => !over && (setAsked(() => found), setProblem(undefined)),
      error => !over && setProblem(error)
    );
    return () => void (over = true);
  }, [on]);

  const place = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    const missing = [...(place.current?.querySelectorAll<HTMLInputElement>('[aria-required="true"]') ?? [])];
    missing.find(one => one.value === '')?.focus();
  }, [asked === undefined]);

  const parts = asked?.(texts) ?? [];
  const { values, wrong } = read(fieldsOf(parts), texts);
  const blocked = asked === undefined || hindered || wrong.size > 0;
  const told = JSON.stringify([blocked, values]);
  React.useEffect(() => props.tell(blocked ? undefined : nested(values)), [told]);
  if (asked === undefined && problem === undefined) {
    return <p className="mlops-dim">{trans.__('Loading…')}</p>;
  }
  return (
    <div ref={place}>
      <Problem error={problem} />
      <Parts parts={parts} texts={texts} wrong={wrong} onChange={(name, text) => setTexts({ ...texts, [name]: text })} hinder={hinder} />
    </div>
  );
}

export function fieldsOf(parts: readonly IPart[]): IField[] {
  return parts.flatMap(part => part.fields);
}

/** The fields of all parts. */
export function Parts(props: {
  parts: readonly IPart[];
  texts: Texts;
  wrong: ReadonlySet<string>;
  onChange: (name: string, text: string) => void;
  hinder?: (hindered: boolean) => void;
}): React.ReactElement {
  const { parts, texts, wrong, onChange, hinder = () => undefined } = props;
  return (
    <>
      {parts
        .filter(part => part.fields.length > 0)
        .map(part => {
          const inside = (
            <>
              <div className="mlops-Form-grid">
                {part.fields.map(field => (
                  <Field
                    key={field.name}
                    field={field}
                    text={texts[field.name] ?? field.value ?? ''}
                    wrong={wrong.has(field.name)}
                    onChange={text => onChange(field.name, text)}
                  />
                ))}
              </div>
              {part.below?.(texts, hinder)}
            </>
          );
          return part.folded ? (
            <details key={part.title} className="mlops-Form-part">
              <summary>{part.title}</summary>
              {inside}
            </details>
          ) : (
            <fieldset key={part.title}>
              <legend>{part.title}</legend>
              {inside}
            </fieldset>
          );
        })}
    </>
  );
}

function Field(props: { field: IField; text: string; wrong: boolean; onChange: (text: string) => void }): React.ReactElement {
  const { trans } = useSurroundings();
  const { field, text, onChange } = props;
  // What has yet to be filled in needs no reproach.
  const wrong = props.wrong && text.trim() !== '' ? meant(field.type, trans) : '';
  const id = React.useId();
  const shared = {
    className: `mlops-Input ${field.type === 'json' ? 'mlops-mod-code' : ''}`,
    name: field.name,
    title: field.help,
    'aria-label': `${field.label}${isParameter(field) ? ` (${field.type})` : ''}`,
    'aria-invalid': wrong ? true : undefined,
    'aria-describedby': wrong ? `${id}-wrong` : undefined,
    'aria-required': field.required
  };
  if (field.type === 'flag') {
    return (
      <label className="mlops-Field mlops-mod-flag" title={field.help}>
        <input
          type="checkbox"
          name={field.name}
          checked={text === 'true'}
          onChange={event => onChange(event.target.checked ? 'true' : 'false')}
        />{' '}
        {field.label}
      </label>
    );
  }
  const choices = choicesOf(field);
  const typed = (event: React.ChangeEvent<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>) => onChange(event.target.value);
  return (
    <label className={`mlops-Field ${field.wide ? 'mlops-mod-wide' : ''}`}>
      <span className="mlops-Field-name">
        {field.label} {isParameter(field) && <span className="mlops-dim">{field.type}</span>}
        {field.tag && (
          <span className="mlops-Tag" title={field.tag[1]}>
            {field.tag[0]}
          </span>
        )}
      </span>
      {choices.length > 0 ? (
        <select {...shared} value={text} onChange={typed}>
          {choices.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      ) : field.type === 'json' ? (
        <textarea {...shared} rows={3} value={text} placeholder={field.placeholder} onChange={typed} />
      ) : (
        <input
          {...shared}
          type={field.type === 'int' || field.type === 'float' ? 'number' : field.type === 'date' ? 'date' : 'text'}
          step={field.type === 'int' ? 1 : 'any'}
          list={field.suggestions?.length ? `${id}-list` : undefined}
          value={text}
          placeholder={field.placeholder}
          spellCheck={false}
          onChange={typed}
        />
      )}
      {field.suggestions !== undefined && field.suggestions.length > 0 && (
        <datalist id={`${id}-list`}>
          {field.suggestions.map(one => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {wrong && (
        <span className="mlops-Field-wrong" id={`${id}-wrong`}>
          {wrong}
        </span>
      )}
    </label>
  );
}

/** Whether a field is a parameter of a notebook, whose type the user has written. */
function isParameter(field: IField): boolean {
  return /(^|\.)params\./.test(field.name) && field.type !== 'any';
}

function choicesOf(field: IField): (readonly [string, string])[] {
  const given: NonNullable<IField['choices']> =
    field.choices ?? (field.type === 'bool' ? [['true', 'True'], ['false', 'False']] : literals(field.type));
  const pairs = given.map(one => (typeof one === 'string' ? ([one, one] as const) : one));
  const free = field.placeholder !== undefined && field.choices !== undefined && pairs.length > 0;
  return free ? [['', field.placeholder!], ...pairs] : pairs;
}

/** A value that is taken when it has been left alone for a while. */
export function useSettled<T>(value: T, pause_ms: number): T {
  const [settled, setSettled] = React.useState(value);
  React.useEffect(() => {
    const timer = window.setTimeout(() => setSettled(value), pause_ms);
    return () => window.clearTimeout(timer);
  }, [value]);
  return settled;
}

function meant(type: string, trans: TranslationBundle): string {
  const known: Record<string, string> = {
    json: trans.__('This is no JSON object.'),
    range: trans.__('Write it as 0.01 to 10 log, as 2 to 8 step 2, or as a list: a, b, c.')
  };
  return known[type] ?? trans.__('This is no %1.', type);
}
