import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Failure, packageFolder } from '../bundle/index.js';

/** The native programs that the authoring side may start. */
export type NativeProgram = 'vxe' | 'vxe-runtime' | 'vxe-attack' | 'vxe-recorder';

/** A native program: built beside this package, installed with it, or on PATH. */
export function nativeProgram(
  name: NativeProgram,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const folders = [
    join(packageFolder(), 'build/bin'),
    join(packageFolder(), '../../bin'),
    ...(env.PATH ?? '').split(delimiter),
  ];
  const found = folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
  if (found !== undefined) return found;
  throw new Failure('native-missing', name, 'the native program is not built', {
    hint: "run 'make native' or install VXE again",
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
