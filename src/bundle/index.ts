export {
  type AuditReport,
  auditBundle,
  type Executable,
  type Finding,
  type FindingKind,
} from './audit/index.js';
export { compileProfiles, readBundleProfile, writeCompiled } from './compiled.js';
export { type Creator, mountOptions } from './config.js';
export { type CreateContext, type CreatedBundle, createBundle } from './create.js';
export { BundleFacts, processesOf } from './facts.js';
export { errnoOf, Failure, messageOf } from './failure.js';
export type { Exchange } from './generation.js';
export { ProfileHistory, type ProfileVersion } from './history.js';
export { importsOf, interpreterOf } from './interpreter.js';
export { recoverFolder, startTimeOf, workName } from './leftovers.js';
export { type Manifest, type ManifestEntry, readManifest } from './manifest.js';
export {
  checkName,
  findIn,
  hostSurroundings,
  isStack,
  listIn,
  memberNames,
  type Places,
  packageFolder,
  placesOf,
  type Surroundings,
  stackName,
} from './places.js';
export {
  findLibrary,
  hasProfile,
  listProfiles,
  loadProfile,
  loadProfiles,
  type NamedProfile,
  noProfileYet,
  PROFILE_ENDINGS,
  readProfile,
  storedProfile,
  storedProfiles,
} from './profile.js';
export { parseRecipe, type Recipe, recipeSchema } from './recipe/index.js';
export { coverageNow, type Relowered, relowerBundle } from './relower.js';
export type { CreateRequest } from './request.js';
export { hooksHold, unsettled } from './settled.js';
export { hostLister } from './source/host.js';
export { type BundleDetails, BundleStore, type BundleSummary } from './store.js';
export { type Caller, distrusted, trustedFile } from './trust.js';
export { recordedPolicy } from './unprofiled.js';
export { bundleWorld } from './world.js';
