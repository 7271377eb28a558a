import type { Result, SourceFile } from '../../common/index.js';
import { failure } from '../../common/index.js';
import type { Policy } from '../../policy/index.js';

/** Reads a `.vxed.yaml` text, version 1, into a policy; every diagnostic has a position. */
export function parseProfile(_file: SourceFile): Result<Policy> {
  return failure({ code: 'internal', message: 'the profile reader is not complete' });
}
