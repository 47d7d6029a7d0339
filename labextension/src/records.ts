// Made by records.py from the Python records (make labextension). Not to be edited.

export interface Check {
  kind: string;
  name: string;
  recorded: string;
  again: string;
  passed: boolean;
  decides: boolean;
}

export interface Code {
  repo: string;
  sha: string;
  branch: string | null;
  dirty: boolean;
  ref: string;
  folder: string;
  remote: string | null;
  python_path: string[];
}

export interface ColumnCounts {
  name: string;
  rows: number;
  missing: number;
  wrong: number;
  counts: number[];
  below: number;
  above: number;
  low: number | null;
  high: number | null;
  categories: Record<string, number>;
}

export interface ColumnDrift {
  name: string;
  role: string;
  kind: ColumnKind;
  drifted: boolean;
  reason: string;
  p_value: number | null;
  psi: number;
  novel: number;
  missing: number;
  missing_before: number;
  labels: string[];
  before: number[];
  now: number[];
}

export type ColumnKind = 'NUMERIC' | 'CATEGORICAL' | 'TEXT';

export interface Comparison {
  runs: string[];
  rows: Row[];
  curves: Curve[][];
}

export interface Curve {
  name: string;
  axis: string;
  count: number;
  points: ([number, number])[];
}

export interface Dataset {
  role: string;
  path: string;
  hash: string;
  repo: string;
  sha: string;
  size_bytes: number;
  files: number;
  changed: boolean;
}

export interface Deployment {
  name: string;
  target: string;
  state: DeploymentState;
  revisions: Revision[];
  url: string | null;
  token_file: string | null;
  host: string | null;
  error: Failure | null;
}

export type DeploymentState = 'UPDATING' | 'READY' | 'DEGRADED' | 'FAILED' | 'STOPPED';

export interface Dimension {
  name: string;
  kind: string;
  low: number | null;
  high: number | null;
  step: number | null;
  log: boolean;
  choices: unknown[];
}

export type DriftVerdict = 'STABLE' | 'DRIFT' | 'INSUFFICIENT' | 'UNKNOWN';

export interface Duel {
  opponent: string;
  model: string;
  metric: string;
  ours: number;
  theirs: number;
  gain: number;
  low: number;
  high: number;
  p_value: number;
  test: string;
  rows: number;
  only_ours: number | null;
  only_theirs: number | null;
}

export interface Environment {
  python: string;
  implementation: string;
  platform: string;
  lock: string[];
  hash: string;
  local: string[];
}

export interface Evaluation {
  model: string;
  tests: string[];
  gates: Outcome[];
  report: string | null;
}

export interface Failure {
  type: string;
  message: string;
  hint: string;
  stage: string | null;
  cell: number | null;
  log: string | null;
}

export interface Finding {
  severity: string;
  message: string;
  hint: string;
  fix: Fix | null;
}

export interface Firing {
  schedule_id: string;
  due: string;
  run_id: string;
  state: FiringState;
  made_up: boolean;
  reason: string | null;
  code: string | null;
  snapshot: string | null;
  tries: number;
  next_try_at: number | null;
  started_at: number | null;
  ended_at: number | null;
  error: Failure | null;
  notices: Notice[];
  kfp_run_id: string | null;
}

export type FiringState = 'DUE' | 'RUNNING' | 'SUCCEEDED' | 'SKIPPED' | 'FAILED' | 'CANCELED';

export interface Fix {
  kind: string;
  path: string | null;
  cell: number | null;
}

export interface Glimpse {
  run: Summary;
  curves: Curve[];
  stage: string | null;
  log: string;
}

export interface Health {
  requests: number;
  rate: number;
  p50_s: number | null;
  p99_s: number | null;
  answered: number | null;
  refused: number;
  failed: number;
}

export interface Hyperparameter {
  name: string;
  type: string;
  default: unknown;
  value: unknown;
  source: string;
  expression: string | null;
}

export interface Input {
  name: string;
  type: string;
  required: boolean;
  value: unknown;
}

export interface Lineage {
  parent: Model;
  since: string;
  until: string;
  run_id: string | null;
  files: number | null;
  rows: number | null;
  replay: number;
  retrained: string | null;
  chain: string[];
}

export interface Listing {
  runs: Summary[];
  total: number;
}

export interface Load {
  number: number;
  requests: number;
  refused: number;
  failed: number;
  per_second: number | null;
  p50_s: number | null;
  p99_s: number | null;
  memory_bytes: number;
}

export interface Model {
  uri: string;
  digest: string | null;
  name: string | null;
  version: string | null;
  alias: string | null;
}

export interface ModelVersion {
  version: string;
  uri: string;
  aliases: string[];
  run_id: string | null;
  mlflow_run_id: string | null;
  snapshot: string | null;
  code: string | null;
  created_at: string;
}

export interface Moment {
  run: Run;
  curves: Curve[];
  stage: string | null;
  log: string;
  report: Report | null;
  window: MonitoringReport | null;
}

export interface Monitoring {
  deployment: string;
  revision: number;
  verdict: DriftVerdict;
  alarm: boolean;
  rows: number;
  drifted: string[];
  false_alarms: number;
  started: string | null;
  report: string | null;
}

export interface MonitoringReport {
  run_id: string;
  verdict: DriftVerdict;
  window: Window;
  reference: string | null;
  dataset: string;
  reference_rows: number;
  false_alarms: number;
  columns: ColumnDrift[];
  findings: Finding[];
  performance: Performance | null;
}

export interface Notice {
  event: string;
  to: string;
  at: string;
  trouble: string | null;
}

export interface Origin {
  model: Model;
  run_id: string | null;
  snapshot: string | null;
  code: string | null;
  datasets: Record<string, string>;
  deployed_by: string | null;
  despite: string | null;
}

export interface Outcome {
  gate: string;
  passed: boolean;
  reason: string;
}

export interface Performance {
  rows: number;
  metrics: Record<string, number>;
  before: Record<string, number>;
}

export interface Plan {
  space: Dimension[];
  objective: string;
  direction: string;
  trials: number;
  parallel: number;
  sampler: string;
  pruner: string;
  seed: number;
  deadline_s: number;
}

export interface Plot {
  label: string;
  points: ([number, number])[];
}

export interface Progress {
  done: number;
  total: number;
  source: string;
}

export interface Pulse {
  deployment: Deployment;
  loads: Load[];
  inputs: Input[];
}

export interface RecurringRun {
  id: string;
  url: string;
  namespace: string;
  context: string;
  experiment_id: string;
  version: string;
}

export interface RegisteredModel {
  name: string;
  versions: ModelVersion[];
}

export interface Report {
  run_id: string;
  evaluation: Evaluation;
  significance: number;
  tables: TableReport[];
}

export interface Revision {
  number: number;
  package: string;
  origin: Origin;
  created_at: string;
  state: RevisionState;
  percent: number;
  shadow: boolean;
  image: string | null;
  url: string | null;
  restarts: number;
  error: Failure | null;
}

export type RevisionState = 'STARTING' | 'READY' | 'FAILED' | 'STOPPED';

export interface Row {
  kind: string;
  name: string;
  values: unknown[];
  differs: boolean;
}

export interface Run {
  id: string;
  pipeline: string;
  state: RunState;
  backend: string;
  snapshot: Snapshot;
  stages: Stage[];
  created_at: string;
  seconds: number | null;
  ahead: number | null;
  progress: Progress | null;
  provided: Record<string, string>;
  metrics: Record<string, number>;
  model: Model | null;
  mlflow_run_id: string | null;
  kfp_run_id: string | null;
  kfp_url: string | null;
  tracking_uri: string | null;
  notebook: string | null;
  pipeline_digest: string;
  reproduces: string | null;
  findings: Finding[];
  error: Failure | null;
  trouble: string | null;
  deployment: string | null;
  revision: number | null;
  url: string | null;
  study: Study | null;
  evaluation: Evaluation | null;
  monitoring: Monitoring | null;
  lineage: Lineage | null;
}

export type RunState = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELED' | 'LOST';

export interface Schedule {
  id: string;
  name: string;
  pipeline: string;
  arguments: Record<string, unknown>;
  cron: string | null;
  timezone: string;
  every_s: number | null;
  on_change: boolean;
  branch: string | null;
  frozen: string | null;
  missed: string;
  overlap: string;
  retries: number;
  backoff_s: number;
  deadline_s: number;
  until: string | null;
  even_if_unchanged: boolean;
  python: string;
  created_at: string;
  fired_by: string;
  recurring: RecurringRun | null;
  paused: boolean;
  trouble: string | null;
  upcoming: string[];
  history: Firing[];
}

export interface Setting {
  name: string;
  value: unknown;
  source: string;
  description: string;
}

export interface Slice {
  column: string;
  value: string;
  rows: number;
  metrics: Record<string, number>;
}

export interface Snapshot {
  code: Code;
  notebook: string;
  datasets: Dataset[];
  hyperparameters: Hyperparameter[];
  environment: Environment;
  variables: Record<string, string>;
  secrets: string[];
}

export interface Stage {
  name: string;
  state: StageState;
  seconds: number | null;
  note: string | null;
  started_at: number | null;
  peak_memory_bytes: number | null;
}

export type StageState = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'SKIPPED' | 'FAILED' | 'CANCELED' | 'LOST';

export interface Status {
  project: string;
  snapshot: Snapshot | null;
  findings: Finding[];
}

export interface Study {
  plan: Plan;
  trials: Trial[];
  importance: Record<string, number>;
}

export interface Summary {
  id: string;
  pipeline: string;
  state: RunState;
  backend: string;
  created_at: string;
  notebook: string;
  stages: Stage[];
  dirty: boolean;
  seconds: number | null;
  ahead: number | null;
  progress: Progress | null;
  parameters: Record<string, unknown>;
  metrics: Record<string, number>;
  model: Model | null;
  mlflow_run_id: string | null;
  kfp_url: string | null;
  reproduces: string | null;
  error: Failure | null;
  trouble: string | null;
  deployment: string | null;
  revision: number | null;
  url: string | null;
}

export interface TableReport {
  path: string;
  prefix: string;
  rows: number;
  task: string;
  metrics: Record<string, number>;
  classes: string[];
  confusion: number[][];
  roc: Plot[];
  calibration: Plot[];
  residuals: ([number, number])[];
  slices: Slice[];
  duels: Duel[];
  findings: Finding[];
}

export interface Timetable {
  schedules: Schedule[];
  scheduler_pid: number | null;
}

export interface Trial {
  number: number;
  state: TrialState;
  parameters: Record<string, unknown>;
  value: number | null;
  reports: number;
  seconds: number | null;
  ended_at: number | null;
  mlflow_run_id: string | null;
  note: string | null;
}

export type TrialState = 'RUNNING' | 'SUCCEEDED' | 'PRUNED' | 'FAILED';

export interface Verdict {
  run_id: string;
  reproduction_id: string;
  passed: boolean;
  reason: string | null;
  checks: Check[];
}

export interface Window {
  deployment: string;
  revision: number;
  since: number | null;
  until: number | null;
  rows: number;
  duplicates: number;
  torn: number;
  columns: ColumnCounts[];
  predictions: ColumnCounts[];
  health: Health;
  labelled: number;
  unfit: number;
}
