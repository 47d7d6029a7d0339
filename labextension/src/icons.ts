import { LabIcon } from '@jupyterlab/ui-components';

/** Stages that lead to one thing. */
export const mlopsIcon = new LabIcon({
  name: 'mlops-nb:pipeline',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16"><g class="jp-icon3" fill="#616161"><circle cx="3" cy="3.5" r="2.2"/><circle cx="3" cy="12.5" r="2.2"/><circle cx="12.8" cy="8" r="2.5"/><path d="M4.9 2.9c2.7 0 3.3.8 4 2.1.5.9.9 1.7 2 2.1l-.4 1.2c-1.7-.6-2.2-1.8-2.7-2.7-.5-.9-.9-1.5-2.9-1.5zM4.9 13.1c2.7 0 3.3-.8 4-2.1.5-.9.9-1.7 2-2.1l-.4-1.2c-1.7.6-2.2 1.8-2.7 2.7-.5.9-.9 1.5-2.9 1.5z"/></g></svg>`
});
