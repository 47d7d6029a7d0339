/** What a listing of runs is asked for. */
export interface IQuery {
  state?: string;
  notebook?: string;
  where?: string[];
  sort?: string;
}

const CONDITION = /^[^\s=!<>]+(?:!=|<=|>=|=|<|>)\S+$/;

/** Read what was typed into the filter: conditions on metrics and parameters, else a notebook. */
export function conditions(text: string): IQuery {
  const words = text.trim().split(/\s+/).filter(Boolean);
  const where = words.filter(word => CONDITION.test(word));
  // A condition that is still being typed asks for nothing.
  const rest = words.filter(word => !CONDITION.test(word) && !/[=!<>]/.test(word));
  return { ...(where.length ? { where } : {}), ...(rest.length ? { notebook: rest.join(' ') } : {}) };
}
