import type { Edit } from '../violations/index.js';

/** What refused, in the words that an administrator looks for it by. */
export type CauseKind =
  | 'seccomp'
  | 'landlock'
  | 'mount'
  | 'capability'
  | 'network'
  | 'limit'
  | 'permission'
  /** Not in the instance at all. */
  | 'missing'
  /** Nothing of VXE: the reason is the program's or the kernel's own. */
  | 'other';

/** What permits it. */
export type Fix =
  /** A rule of the profile. */
  | { readonly kind: 'rule'; readonly rule: string; readonly edits: readonly Edit[] }
  /** A mount of the recipe gets other options, or a new one is made. */
  | {
      readonly kind: 'mount';
      readonly destination: string;
      readonly options: readonly string[];
      readonly text: string;
    }
  /** Nothing that VXE holds; in words. */
  | { readonly kind: 'outside'; readonly text: string };

export interface Cause {
  readonly kind: CauseKind;
  /** One sentence. */
  readonly sentence: string;
  /** The smallest one; undefined where there is nothing to permit. */
  readonly fix: Fix | undefined;
  /** What the fix opens besides. */
  readonly opens: string | undefined;
  /** Why it needs thought; undefined: an ordinary change. */
  readonly danger: string | undefined;
}
