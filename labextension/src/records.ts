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

export interface Environment {
  python: string;
  implementation: string;
  platform: string;
  lock: string[];
  hash: string;
  local: string[];
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
}

export interface Glimpse {
  run: Summary;
  curves: Curve[];
  stage: string | null;
  log: string;
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
}

export interface Origin {
  model: Model;
  run_id: string | null;
  snapshot: string | null;
  code: string | null;
  datasets: Record<string, string>;
  deployed_by: string | null;
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

export interface RegisteredModel {
  name: string;
  versions: ModelVersion[];
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
}

export type RunState = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELED' | 'LOST';

export interface Setting {
  name: string;
  value: unknown;
  source: string;
  description: string;
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

export interface Verdict {
  run_id: string;
  reproduction_id: string;
  passed: boolean;
  reason: string | null;
  checks: Check[];
}
