import { spawnSync } from 'node:child_process';
import { nativeProgram } from './programs.js';

/** Who records what Landlock refuses in a bundle, in the words of vxe itself; undefined: in soft mode there is nothing to say. */
export function objectRecords(name: string): string | undefined {
  const { status, stdout } = spawnSync(nativeProgram('vxe'), ['mode', name, '--json'], { encoding: 'utf8' });
  if (status !== 0) return undefined;
  const { records } = JSON.parse(stdout) as { readonly records?: string };
  return records;
}
