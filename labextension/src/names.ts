/** The namespace of everything of ours in the front end. */
export const NAMESPACE = 'mlops-nb';
/** The domain of our texts for translators. */
export const DOMAIN = 'mlops_nb';
/** The MIME type of a run in an output. */
export const MIME = 'application/vnd.mlops-nb.run+json';

/** Names of commands. */
export const ids = {
  train: 'mlops:train',
  findings: 'mlops:show-findings',
  markParameters: 'mlops:mark-parameters',
  showPanel: 'mlops:show-panel',
  openRun: 'mlops:open-run',
  openLatest: 'mlops:open-latest-run',
  openExecuted: 'mlops:open-executed-notebook',
  cancel: 'mlops:cancel-run',
  resume: 'mlops:resume-run',
  reproduce: 'mlops:reproduce-run',
  deleteRun: 'mlops:delete-run',
  compare: 'mlops:compare-runs',
  deploy: 'mlops:deploy',
  openDeployment: 'mlops:open-deployment',
  traffic: 'mlops:set-traffic',
  promote: 'mlops:promote',
  rollback: 'mlops:roll-back',
  undeploy: 'mlops:undeploy',
  startDeployment: 'mlops:start-deployment',
  evaluate: 'mlops:evaluate',
  tune: 'mlops:tune',
  update: 'mlops:update',
  monitor: 'mlops:monitor',
  schedule: 'mlops:schedule',
  openSchedule: 'mlops:open-schedule',
  editSchedule: 'mlops:edit-schedule',
  reschedule: 'mlops:change-schedule',
  unschedule: 'mlops:unschedule'
} as const;
