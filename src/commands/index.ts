import Attack from './attack.js';
import BundleAudit from './bundle/audit.js';
import BundleCreate from './bundle/create.js';
import BundleInspect from './bundle/inspect.js';
import BundleList from './bundle/list.js';
import BundleRemove from './bundle/remove.js';
import Commands from './commands.js';
import Completion from './completion.js';
import Explain from './explain.js';
import ProfileCheck from './profile/check.js';
import ProfileCompile from './profile/compile.js';
import ProfileList from './profile/list.js';

/** Every verb of the authoring side: a table, so that no folder has to be searched at each start. */
export const COMMANDS = {
  attack: Attack,
  'bundle:audit': BundleAudit,
  'bundle:create': BundleCreate,
  'bundle:inspect': BundleInspect,
  'bundle:list': BundleList,
  'bundle:remove': BundleRemove,
  commands: Commands,
  completion: Completion,
  explain: Explain,
  'profile:check': ProfileCheck,
  'profile:compile': ProfileCompile,
  'profile:list': ProfileList,
};
