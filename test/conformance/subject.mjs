// One OCI runtime and the containers that a case makes with it. All of the command line that a case uses is what runtimes have in common.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * In the name of every container and cgroup of this run: in a pid namespace of its own, a number would be each run's. Who starts over has
 * chosen it, to remove what is left.
 */
export const tag = process.env.VXE_SUITE_TAG ?? randomBytes(4).toString('hex');

// Far above what a verb takes: a busy machine can stand still.
const limit = 60_000;

export class Failure extends Error {}

/** Waits for what comes by itself, `within` milliseconds; `message` says what did not. */
export async function eventually(condition, message, within = limit) {
  // To look may be to run a program, which takes the time from what is waited for.
  let pause = 5;
  for (const until = performance.now() + within; !(await condition()) && performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(2 * pause, 100);
  }
  expect(await condition(), typeof message === 'function' ? message() : message);
}

/** A configuration that asks for little: each case adds what it is about. */
export function baseConfig(rootfs, ops) {
  const caps = ['CAP_CHOWN', 'CAP_KILL', 'CAP_SETUID', 'CAP_SETGID', 'CAP_DAC_OVERRIDE'];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ['/bin/probe', ...ops],
      env: ['PATH=/bin', 'PROBE=yes'],
      cwd: '/',
      capabilities: { bounding: caps, effective: caps, permitted: caps },
      noNewPrivileges: true,
    },
    root: { path: rootfs, readonly: false },
    hostname: 'conformance',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
      },
      {
        destination: '/dev/shm',
        type: 'tmpfs',
        source: 'shm',
        options: ['nosuid', 'noexec', 'nodev', 'mode=1777'],
      },
    ],
    linux: { namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })) },
  };
}

export const shellWords = (...words) =>
  words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');

let serial = 0;

/** What a case works with: a fresh bundle folder for each call of bundle(), and everything gone at the end. */
export class Subject {
  constructor(name, command, place, probe) {
    this.name = name;
    this.command = command;
    this.probe = probe;
    this.shared = true;
    this.folder = join(place, `${name}-${++serial}`);
    /** The cgroup of a case that looks at one: other cases run beside it. */
    this.cgroup = `conformance-${tag}-${serial}`;
    this.root = join(this.folder, 'root');
    this.ids = new Set();
    mkdirSync(this.root, { recursive: true, mode: 0o711 });
  }

  bundle(ops, change = () => {}) {
    const folder = join(this.folder, `bundle-${++serial}`);
    const rootfs = join(folder, 'rootfs');
    for (const name of ['bin', 'proc', 'dev', 'sys', 'etc', 'tmp', 'data'])
      mkdirSync(join(rootfs, name), { recursive: true });
    // One file for all is fast; where containers write to programs each has its own.
    (this.shared ? linkSync : copyFileSync)(this.probe, join(rootfs, 'bin/probe'));
    writeFileSync(join(rootfs, 'etc/file'), 'content\n');
    const config = baseConfig('rootfs', ops);
    const changed = change(config, { folder, rootfs }) ?? config;
    writeFileSync(
      join(folder, 'config.json'),
      typeof changed === 'string' ? changed : JSON.stringify(changed),
    );
    return folder;
  }

  /** A change of the configuration: the case's own cgroup, by a path from the root of the hierarchy. */
  inCgroup = (config) => {
    config.linux.cgroupsPath = `/${this.cgroup}`;
  };

  id() {
    const id = `conf-${tag}-${++serial}`;
    this.ids.add(id);
    return id;
  }

  /** Runs a verb. Files stand for the streams, since a container that goes on would hold a pipe open; `piped` makes one of its output,
   * and `terminal` has it called on one, by a shell whose own terminal that is. */
  call(
    args,
    { cwd, input, globals = [], fds = [], env, groups, activated, piped = false, terminal = false } = {},
  ) {
    const out = join(this.folder, `out-${++serial}`);
    const streams = [openSync(out, 'w'), openSync(`${out}.err`, 'w')];
    // Not the host's null device, which crun gives to the user of a container.
    if (input === undefined) writeFileSync(`${out}.in`, '');
    const given = input === undefined ? openSync(`${out}.in`, 'r') : 'pipe';
    // Who activates by sockets names the process for which they are; a shell that is replaced knows that number.
    const named =
      activated === undefined ? [] : ['bash', '-c', `export LISTEN_PID=${activated}; exec "$@"`, 'bash'];
    if (piped) named.push('bash', '-o', 'pipefail', '-c', '"$@" | cat', 'bash');
    if (groups !== undefined) named.push('setpriv', '--groups', groups, '--');
    let [program, ...words] = [...named, ...this.command, '--root', this.root, ...globals, ...args];
    if (terminal) [program, ...words] = ['script', '-qec', shellWords(program, ...words), '/dev/null'];
    return new Promise((resolve, reject) => {
      const child = spawn(program, words, {
        cwd: cwd ?? this.folder,
        env: { ...process.env, VXE_LOGS: join(this.folder, 'logs'), ...env },
        stdio: [given, ...streams, ...fds],
        timeout: limit,
        killSignal: 'SIGKILL',
      });
      // A runtime may end without having read it.
      child.stdin?.on('error', () => {});
      if (input !== undefined) child.stdin.end(input);
      child.on('error', reject);
      child.on('close', (code, signal) => {
        for (const fd of [given, ...streams]) if (fd !== 'pipe') closeSync(fd);
        const stdout = readFileSync(out, 'utf8');
        resolve({
          code: code ?? 128,
          signal,
          stdout,
          outFile: out,
          said: () => answersOf(readFileSync(out, 'utf8')),
          complained: () => readFileSync(`${out}.err`, 'utf8'),
          stderr: readFileSync(`${out}.err`, 'utf8'),
        });
      });
    });
  }

  /** `run` to the end; the probe's answers by question. */
  async run(ops, change, options = {}) {
    const id = this.id();
    const result = await this.call(
      [...(options.verb ?? ['run']), '--bundle', this.bundle(ops, change), id],
      options,
    );
    return { ...result, id, ...answersOf(result.stdout) };
  }

  /** The same of a bundle that is there. */
  async runBundle(bundle) {
    const id = this.id();
    const result = await this.call(['run', '--bundle', bundle, id]);
    return { ...result, id, ...answersOf(result.stdout) };
  }

  /** The other side of a socket that a runtime is named, which the probe is (`console`, `agent`, `manager`): Node can do none of what they do
   * with one. `test` gets the socket's path, what the peer has said so far, and how to wait for that. */
  async withPeer(kind, test) {
    const path = join(this.folder, `${kind}-${++serial}`);
    const child = spawn(this.probe, [kind, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
    });
    const until = (done) =>
      eventually(done, () => `the ${kind} has got something else: ${JSON.stringify(text)}`);
    try {
      await until(() => text.includes('ready'));
      return await test(path, () => text, until);
    } finally {
      child.kill('SIGKILL');
    }
  }

  /** `events` while it runs: `until(TYPE, COUNT)` waits for so many lines of a type, `ended` is its code. */
  async withEvents(id, test) {
    const words = [...this.command.slice(1), '--root', this.root, 'events', '--interval', '50ms', id];
    const child = spawn(this.command[0], words, {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: limit,
      killSignal: 'SIGKILL',
    });
    let text = '';
    let over = false;
    child.stdout.on('data', (data) => {
      text += data;
    });
    const ended = new Promise((resolve) => {
      child.on('error', () => resolve(127));
      child.on('close', (code) => resolve(code ?? 128));
    });
    ended.then(() => {
      over = true;
    });
    const told = (type) => {
      const events = text.split('\n').slice(0, -1);
      return events.map((line) => JSON.parse(line)).filter((event) => event.type === type && event.id === id);
    };
    try {
      await test({
        ended,
        async until(type, count) {
          // The time limit of the program is this loop's, too.
          while (told(type).length < count && !over) await new Promise((resolve) => setTimeout(resolve, 20));
          expect(
            told(type).length >= count,
            `${told(type).length} events of type ${type}, not ${count}: ${text}`,
          );
        },
      });
    } finally {
      child.kill('SIGKILL');
    }
  }

  async create(ops, change, options = {}) {
    const id = options.id ?? this.id();
    const bundle = this.bundle(ops, change);
    const result = await this.call(['create', '--bundle', bundle, ...(options.flags ?? []), id], options);
    return { ...result, id, bundle };
  }

  async created(ops, change, options) {
    const container = await this.create(ops, change, options);
    expect(container.code === 0, `create ended with ${container.code}: ${container.stderr.trim()}`);
    return container;
  }

  async must(args, options) {
    const result = await this.call(args, options);
    expect(result.code === 0, `${args.join(' ')} ended with ${result.code}: ${result.stderr.trim()}`);
    return result;
  }

  async state(id) {
    return JSON.parse((await this.must(['state', id])).stdout);
  }

  async until(id, status, within) {
    let last;
    const reached = async () => {
      last = (await this.state(id)).status;
      return last === status;
    };
    await eventually(reached, () => `the status did not become ${status}, it is ${last}`, within);
  }

  async started(ops, change, options) {
    const container = await this.created(ops, change, options);
    await this.must(['start', container.id]);
    return container;
  }

  /** What is mounted in the case's folder in the mount namespace of the runtime. */
  mounts() {
    const points = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '');
    return points.filter((point) => point.startsWith(`${this.folder}/`));
  }

  /** Nothing of the case's containers is left. */
  async end() {
    // What has no state any more is gone, and asking each runtime once more would be a good part of the suite's time.
    const left = existsSync(this.root) ? readdirSync(this.root) : [];
    for (const id of this.ids) if (left.includes(id)) await this.call(['delete', '--force', id]);
  }

  async close() {
    await this.end();
    // Of a container without a mount namespace some runtimes leave all of it. Nothing of the host's may be below when the folder goes.
    for (const point of this.mounts().reverse()) execFileSync('umount', ['-l', point]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function answersOf(stdout) {
  const answers = new Map();
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{"ask"')) continue;
    const { ask, ...rest } = JSON.parse(line);
    answers.set(ask, rest);
  }
  return {
    answers,
    /** The value, where the question had one. */
    value(ask) {
      const found = answers.get(ask);
      expect(found, `the container did not answer ${ask}`);
      expect(found.ok, `${ask} gave ${found.errno}`);
      return found.value;
    },
    refused(ask) {
      const found = answers.get(ask);
      expect(found, `the container did not answer ${ask}`);
      expect(!found.ok, `${ask} was possible`);
      return found.errno;
    },
  };
}

export function expect(condition, message) {
  if (!condition) throw new Failure(message);
}

export function equal(found, wanted, what) {
  expect(found === wanted, `${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}
