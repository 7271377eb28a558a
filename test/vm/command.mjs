// Running the programs that make a machine: quiet while they do well, with their last words where they fail.
import { spawn } from 'node:child_process';

const running = new Set();

/** Kills everything that was started here. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL');
}

/** Runs a program that must succeed; gives its standard output. */
export function command(argv, { cwd, env, input = '' } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(argv[0], argv.slice(1), {
      ...(cwd ? { cwd } : {}),
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    running.add(child);
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
      running.delete(child);
      if (code === 0) return done(Buffer.concat(out).toString());
      // Messages of package tools name the mirror in use, which is nobody else's business.
      const last = Buffer.concat(all)
        .toString()
        .replace(/[a-z+]+:\/\/[^/\s]+/g, '(mirror)')
        .trimEnd()
        .split('\n')
        .slice(-12)
        .join('\n');
      fail(new Error(`${argv[0]} ended with ${signal ?? code}:\n${last}`));
    });
  });
}
