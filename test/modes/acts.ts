import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { compileProfiles, readProfile, writeCompiled } from '../../src/bundle/index.js';
import { nativePorts } from '../../src/native/index.js';
import type { Policy } from '../../src/policy/index.js';

/** One line for the program that acts: a call, what it names, and what else it takes. */
export interface Act {
  readonly call: string;
  readonly path: string;
  readonly other: string;
}

export interface ActRecord {
  /** The act's number, from 1. */
  readonly act: number;
  readonly call: string;
  readonly path: string | null;
  readonly to: string | undefined;
  readonly needs: string;
  readonly rule: string;
  readonly narrowed: boolean;
  readonly verdict: string;
  readonly mechanism: string;
}

export interface Run {
  readonly policy: Policy;
  /** What came of each act; 0: it worked. */
  readonly errnos: readonly number[];
  /** What was judged by what it names; calls that the filter refuses are no matter here. */
  readonly records: readonly ActRecord[];
}

export const PROGRAM = join(process.cwd(), 'build/modes/acts');

/** A place for profiles, states and logs, and what acts are done in it under a profile. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'vxe-judge-'));
  /** Tests run beside each other, and an instance's cgroup has its name. */
  readonly #name = basename(this.folder);

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** In production with all that names something raised; in soft mode the same is performed. */
  run(profileText: string, acts: readonly Act[], mode: 'production' | 'soft' = 'production'): Run {
    const { folder } = this;
    const path = join(folder, 'acts.vxed.yaml');
    writeFileSync(path, profileText);
    const lines = acts.map(({ call, path: name, other }) => `${call} ${name} ${other}\n`);
    writeFileSync(join(folder, 'acts.txt'), lines.join(''));
    const { compiler, calls, features } = nativePorts();
    const profile = { ...readProfile(path), path };
    const { lowered } = compileProfiles([profile], { arch: 'x86_64', compiler, calls, features: features() });
    writeCompiled('acts', [profile], lowered, { uid: 0, gid: 0 }, join(folder, 'compiled'));
    rmSync(join(folder, 'log'), { recursive: true, force: true });
    const env = {
      ...process.env,
      VXE_ROOT: join(folder, 'run'),
      VXE_LOGS: join(folder, 'log'),
      VXE_COMPILED: join(folder, 'compiled'),
      VXE_PROFILES: folder,
    };
    const how = mode === 'soft' ? ['--mode', 'soft'] : ['--record-files'];
    const output = execFileSync(
      'build/bin/vxe',
      ['run', '--name', this.#name, ...how, path, PROGRAM, join(folder, 'acts.txt')],
      { env, encoding: 'utf8' },
    );
    const errnos = output
      .trim()
      .split('\n')
      .map((each) => Number(each.split(' ')[1]));
    return {
      policy: profile.policy,
      errnos,
      records: readRecords(join(folder, 'log', this.#name, 'violations.ndjson')),
    };
  }
}

function readRecords(file: string): readonly ActRecord[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter((record) => record.mechanism !== 'seccomp')
    .map(({ args, call, path, to, needs, rule, narrowed, verdict, mechanism }) => ({
      // sendto has no register to spare: its number is the address of no bytes.
      act: Number(args[call === 'sendto' ? 1 : 5]),
      call,
      path,
      to,
      needs: needs ?? '',
      rule,
      narrowed: narrowed === true,
      verdict,
      mechanism,
    }));
}
