import { NotebookPanel } from '@jupyterlab/notebook';
import { Hyperparameter } from '../records';

// A constant: no text of the user's is executed. It gives {"application/json": [Hyperparameter]}.
const EXPRESSION = '__import__("mlops_nb.interfaces.session", fromlist=["parameters"]).parameters()';
// A busy kernel answers when its cell is done: the form does not wait for that.
const PATIENCE_MS = 2_000;

/** Return the parameters that the notebook's live session has set to something else than its cell. */
export async function ofSession(panel: NotebookPanel | undefined): Promise<Map<string, Hyperparameter>> {
  const kernel = panel?.sessionContext.session?.kernel;
  if (!kernel || kernel.status !== 'idle') {
    return new Map();
  }
  const asked = kernel.requestExecute({
    code: '',
    silent: true,
    store_history: false,
    user_expressions: { parameters: EXPRESSION }
  });
  const late = new Promise<undefined>(resolve => setTimeout(() => resolve(undefined), PATIENCE_MS));
  const reply = await Promise.race([asked.done, late]);
  const content = reply?.content as { user_expressions?: Record<string, any> } | undefined;
  const found = content?.user_expressions?.parameters?.data?.['application/json'];
  const live: Hyperparameter[] = Array.isArray(found) ? found : [];
  return new Map(live.filter(one => one.source === 'session').map(one => [one.name, one]));
}
