import {
  constantValue,
  NAMESPACE_FLAGS,
  NAMESPACES,
  type Namespace,
  signatureOf,
} from '../../policy/index.js';
import { evidenceOf } from '../facts/evidence.js';
import type { Observations, SeenRow } from '../facts/observe.js';
import { rowsOf } from './conditions.js';
import type { CallDraft } from './draft.js';

/** CLONE_NEWTIME shares its bit with the exit signal of clone. */
const OF_CLONE = NAMESPACES.filter((name) => name !== 'time');

/** Which argument of clone, and of unshare, has the flags. */
const FLAGS = signatureOf('clone')?.find(({ name }) => name === 'flags')?.index ?? 0;

/** The flags of a clone or unshare that was seen; 0 where they are not known. */
export function cloneFlags({ values }: SeenRow): bigint {
  return values.get(FLAGS) ?? 0n;
}

export function withCloneFlags(row: SeenRow, flags: bigint): SeenRow {
  return { ...row, values: new Map([...row.values, [FLAGS, flags]]) };
}

function flagOf(name: Namespace): bigint {
  return constantValue(NAMESPACE_FLAGS[name]) ?? 0n;
}

function cloneRows(seen: Observations): readonly SeenRow[] {
  return seen.calls.get('clone')?.rows ?? [];
}

/** Which namespaces clone was seen to make, by their names in a profile. */
function made(rows: readonly SeenRow[]): readonly Namespace[] {
  return OF_CLONE.filter((name) => rows.some((row) => (cloneFlags(row) & flagOf(name)) !== 0n));
}

export function makesNamespaces(row: SeenRow): boolean {
  return made([row]).length > 0;
}

/** Rows of clone that make namespaces, which need a yes of their own: in one a process has powers that it has not outside. */
export function namespaceDraft(seen: Observations): CallDraft | undefined {
  const rows = cloneRows(seen).filter(makesNamespaces);
  if (rows.length === 0) return undefined;
  return {
    id: 'namespaces',
    call: 'clone',
    permit: rowsOf('clone', rows),
    quiet: [],
    evidence: evidenceOf(rows.map(({ evidence }) => evidence)),
    inferred: undefined,
    mark: { reason: `makes namespaces: ${made(rows).join(', ')}` },
  };
}

/** What the profile's key has to name for clone and unshare. */
export function namespacesMade(seen: Observations): readonly Namespace[] {
  const unshared = (seen.calls.get('unshare')?.rows ?? []).reduce((bits, row) => bits | cloneFlags(row), 0n);
  const cloned = made(cloneRows(seen));
  return NAMESPACES.filter((name) => (unshared & flagOf(name)) !== 0n || cloned.includes(name));
}

/** Whether clone made namespaces where no user namespace came with them, in which its maker may do so: the kernel asks for CAP_SYS_ADMIN. */
export function namespacesNeedAdmin(seen: Observations): boolean {
  const rows = cloneRows(seen).filter(makesNamespaces);
  return rows.some((row) => row.alwaysFailed === undefined && (cloneFlags(row) & flagOf('user')) === 0n);
}
