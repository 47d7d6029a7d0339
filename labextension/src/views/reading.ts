import type { IField, Texts, Values } from './fields';

// "0.01 to 10 log", "2 to 8 step 2"
const RANGE = /^(\S+)\s+to\s+(\S+?)(?:\s+(log))?(?:\s+step\s+(\S+))?$/;

/** Return what was said, by name, and the names of fields in which something is wrong or missing. */
export function read(fields: readonly IField[], texts: Texts): { values: Values; wrong: Set<string> } {
  const values: Values = {};
  const wrong = new Set<string>();
  for (const field of fields) {
    const text = texts[field.name] ?? field.value ?? '';
    if (field.required && text.trim() === '') {
      wrong.add(field.name);
    } else if (text !== (field.unsaid ?? '')) {
      const value = parsed(field.type, text);
      if (value === undefined) {
        wrong.add(field.name);
      } else {
        values[field.name] = value;
      }
    }
  }
  return { values, wrong };
}

/** Return an object in which a dot of a name leads into another object. */
export function nested(values: Values): Values {
  const found: Values = {};
  for (const [name, value] of Object.entries(values)) {
    const [head, ...rest] = name.split('.');
    if (rest.length === 0) {
      found[head] = value;
    } else {
      found[head] = { ...(found[head] as Values), [rest.join('.')]: value };
    }
  }
  return Object.fromEntries(
    Object.entries(found).map(([name, value]) => [name, isObject(value) && !(name in values) ? nested(value) : value])
  );
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Return the value of what was typed, undefined where it is none of the type. */
function parsed(type: string, typed: string): unknown {
  const text = typed.trim();
  switch (type) {
    case 'int':
    case 'float':
      return number(text, type === 'int');
    case 'bool':
    case 'flag':
      return text === 'true';
    case 'list':
      return text.split(/\s*,\s*/).filter(Boolean);
    case 'json':
      return object(text);
    case 'range':
      return range(text);
    case 'str':
    case 'date':
      return typed;
    default:
      return literals(type).length > 0 ? text : (data(text) ?? (type === 'any' ? text : undefined));
  }
}

function number(text: string, whole: boolean): number | undefined {
  const found = Number(text);
  return text !== '' && Number.isFinite(found) && (!whole || Number.isInteger(found)) ? found : undefined;
}

function data(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function object(text: string): unknown {
  const found = data(text);
  return isObject(found) ? found : undefined;
}

/** Return a dimension of a search: a range, or the values there are. */
function range(text: string): unknown {
  const match = RANGE.exec(text);
  if (match === null) {
    const choices = text.split(/\s*,\s*/).filter(Boolean);
    return choices.length > 1 ? choices.map(one => data(one) ?? one) : undefined;
  }
  const [low, high, step] = [match[1], match[2], match[4]].map(one => (one === undefined ? null : number(one, false)));
  if (low === undefined || high === undefined || step === undefined) {
    return undefined;
  }
  return { low, high, ...(match[3] ? { log: true } : {}), ...(step === null ? {} : { step }) };
}

/** Return the texts of a Literal of texts, none for other types. */
export function literals(type: string): string[] {
  const inside = /^(?:typing\.)?Literal\[(.*)\]$/.exec(type)?.[1] ?? '';
  const found = [...inside.matchAll(/\s*'([^']*)'\s*(?:,|$)|\s*"([^"]*)"\s*(?:,|$)/g)];
  return found.map(match => match[1] ?? match[2]);
}
