// The cases, by section of the runtime-spec. A title names one case for good: known gaps are listed by it.
import { activation } from './cases-activation.mjs';
import { commandLine } from './cases-command-line.mjs';
import { configuration } from './cases-config.mjs';
import { linux } from './cases-linux.mjs';
import { processes } from './cases-process.mjs';
import { resources } from './cases-resources.mjs';
import { rules } from './cases-rules.mjs';
import { runtime } from './cases-runtime.mjs';
import { seccomp } from './cases-seccomp.mjs';
import { userNamespaces } from './cases-user.mjs';

export const cases = [
  ...configuration,
  ...processes,
  ...linux,
  ...seccomp,
  ...userNamespaces,
  ...resources,
  ...runtime,
  ...commandLine,
  ...activation,
  ...rules,
];
