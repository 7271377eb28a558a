import { LOADERS } from './index.js';

/** What oclif reads: every verb, loaded. */
export const COMMANDS = Object.fromEntries(
  await Promise.all(Object.entries(LOADERS).map(async ([id, load]) => [id, (await load()).default])),
);
