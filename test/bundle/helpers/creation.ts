import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import {
  type CreateContext,
  type CreatedBundle,
  type CreateRequest,
  createBundle,
  placesOf,
} from '../../../src/bundle/index.js';
import { nativePorts } from '../../../src/native/index.js';
import { makeElf } from './elf.js';
import { fill, temporary } from './folders.js';

export const LD = '/lib64/ld-linux-x86-64.so.2';

/** A profile that lets a made-up program do next to nothing. */
export const PROFILE = `vxed: 1
name: example
description: for tests
type: strict
files:
  /: read execute
network: {accept: [], connect: [], interface: none}
exec: once
calls:
  permit: [read, write, exit_group]
`;

export interface Workshop {
  readonly folder: string;
  readonly bundles: string;
  readonly program: string;
  readonly steps: string[];
  readonly context: CreateContext;
  /** Creates the bundle `example` from a recipe whose further keys are given as YAML. */
  create(recipe?: string, request?: Partial<CreateRequest>): Promise<CreatedBundle>;
}

/** A place to make bundles in: its own folders, a made-up program that needs only the host's loader, and a profile. */
export function workshop(t: ExecutionContext, context: Partial<CreateContext> = {}): Workshop {
  const folder = temporary(t);
  const bundles = join(folder, 'bundles');
  const program = join(folder, 'host/sbin/exampled');
  const steps: string[] = [];
  mkdirSync(join(folder, 'recipes'));
  fill(folder, {
    'host/sbin/exampled': makeElf({ interpreter: LD, pie: true, entry: 1n, payload: 'an honest program' }),
    'profiles/example.vxed.yaml': PROFILE,
    'etc/passwd': 'root:x:0:0::/root:/bin/sh\nalice:x:70001:70001:Alice:/home/alice:/bin/sh\n',
    'etc/group': 'root:x:0:\nalice:x:70001:\n',
  });
  const env = {
    HOME: folder,
    VXE_BUNDLES: bundles,
    VXE_PROFILES: join(folder, 'profiles'),
    VXE_RECIPES: join(folder, 'recipes'),
    VXE_ROOT: join(folder, 'run'),
    VXE_CACHE: join(folder, 'cache'),
  };
  const whole: CreateContext = {
    places: placesOf({ env, uid: 0, cwd: folder }),
    creator: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    target: () => {
      const { compiler, calls, features } = nativePorts();
      return { arch: 'x86_64', compiler, calls, features: features() };
    },
    step: (text) => steps.push(text),
    runningPid: () => undefined,
    ...context,
  };
  return {
    folder,
    bundles,
    program,
    steps,
    context: whole,
    create(recipe = '', request = {}) {
      const head = `recipe: 1\nname: example\nsource: {exec: ${program}}\nprofile: example\nprogram: [${program}]\n`;
      writeFileSync(join(folder, 'recipes/example.yaml'), head + recipe);
      return createBundle({ name: 'example', accountsFrom: join(folder, 'etc'), ...request }, whole);
    },
  };
}
