import { executed } from './plugins/executed';
import { launcher } from './plugins/launcher';
import { notebooks } from './plugins/notebooks';
import { notices } from './plugins/notices';
import { outputs } from './plugins/outputs';
import { pages } from './plugins/pages';
import { relay } from './plugins/relay';
import { runs } from './plugins/runs';
import { schedules } from './plugins/schedules';
import { service } from './plugins/service';
import { services } from './plugins/services';
import { sidebar } from './plugins/sidebar';
import { starts } from './plugins/starts';
import { status } from './plugins/status';

export default [
  service,
  runs,
  services,
  schedules,
  starts,
  pages,
  executed,
  sidebar,
  notebooks,
  status,
  outputs,
  notices,
  relay,
  launcher
];
