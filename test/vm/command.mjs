// Running the programs that make a machine: quiet while they do well, with their last words where they fail.
import { spawn } from 'node:child_process';

const running = new Set();

/** Kills everything that was started here. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL');
}

/** A package could not be fetched, which says nothing about what is tested. */
export class NotFetched extends Error {
  /** The first line that says so. */
  reason;

  constructor(message, reason) {
    super(message);
    this.reason = reason;
  }
}

/** What apt says, under whichever program, of an archive that does not answer or does not have what it lists. */
const fetchFailed =
  /^(?:E|W|Err|mmdebstrap)\b.*(?:Failed to fetch|Unable to fetch|Some index files failed|Temporary failure resolving|Could not (?:resolve|connect)|Cannot initiate the connection|Connection (?:failed|refused|timed out)).*$/m;

/** Runs a program that must succeed; gives its standard output. What fetches has a `limit`, of milliseconds: a slow archive is as good as none. */
export function command(argv, { cwd, env, input = '', limit } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(argv[0], argv.slice(1), {
      ...(cwd ? { cwd } : {}),
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    running.add(child);
    let late = false;
    const timer =
      limit &&
      setTimeout(() => {
        late = true;
        child.kill('SIGTERM');
        setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
      }, limit);
    const out = [];
    const all = [];
    child.stdout.on('data', (data) => {
      out.push(data);
      all.push(data);
    });
    child.stderr.on('data', (data) => all.push(data));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('error', (error) => {
      running.delete(child);
      fail(
        error.code === 'ENOENT'
          ? new Error(`${argv[0]} is missing; scripts/setup.sh vm installs what the machines need`)
          : error,
      );
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      if (code === 0) return done(Buffer.concat(out).toString());
      // Messages of package tools name the mirror in use, which is nobody else's business.
      const text = Buffer.concat(all)
        .toString()
        .replace(/[a-z+]+:\/\/[^/\s]+/g, '(mirror)')
        .trimEnd();
      const how = `${argv[0]} ${late ? `was ended after ${limit / 1000} s` : `ended with ${signal ?? code}`}`;
      const message = `${how}:\n${text.split('\n').slice(-12).join('\n')}`;
      const unfetched = late ? how : fetchFailed.exec(text)?.[0];
      fail(unfetched ? new NotFetched(message, unfetched) : new Error(message));
    });
  });
}
