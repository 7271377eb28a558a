import type { SourceFile } from '../../src/common/index.js';
import { formatDiagnostic } from '../../src/common/index.js';
import { parseProfile } from '../../src/language/index.js';
import type { Policy } from '../../src/policy/index.js';

/** A policy from the lines of a profile; the head is written for it. */
export function policyOf(body: string, type = 'strict'): Policy {
  const file: SourceFile = { name: 'test.vxed.yaml', text: `vxed: 1\nname: test\ntype: ${type}\n${body}` };
  const parsed = parseProfile(file);
  if (parsed.ok) return parsed.value;
  throw new Error(parsed.diagnostics.map((diagnostic) => formatDiagnostic(diagnostic, [file])).join('\n'));
}
