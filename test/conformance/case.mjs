// The forms of a case, and what configurations are changed by.
import { equal, expect } from './subject.mjs';

/** A container is run with questions, and its answers are looked at. */
export const ask = (id, level, title, ops, change, check) => ({
  id,
  level,
  title,
  async test(subject) {
    const result = await subject.run(ops, change);
    expect(
      result.code === 0,
      `run ended with ${result.code}: ${result.stderr.trim() || result.stdout.trim()}`,
    );
    await check(result);
  },
});

/** One question, and what has to be the answer. */
export const answers = (id, level, title, op, change, wanted) =>
  ask(id, level, title, [op], change, (result) => equal(result.value(op), wanted, op));

/** A configuration that must not become a container. */
export const refused = (id, level, title, change) => ({
  id,
  level,
  title,
  async test(subject) {
    const { code, stderr } = await subject.create(['exit:0'], change);
    expect(code !== 0, 'create succeeded');
    expect(stderr.trim() !== '', 'create failed without a word');
  },
});

/** Anything else. */
export const act = (id, level, title, test) => ({ id, level, title, test });

export const linux_ = (fields) => (config) => {
  Object.assign(config.linux, fields);
};
export const process_ = (fields) => (config) => {
  Object.assign(config.process, fields);
};
export const hooks_ = (hooks) => (config) => {
  config.hooks = hooks;
};
export const mount = (entry) => (config) => {
  config.mounts.push(entry);
};
/** A program that is there until it is ended. */
export const sleeps = ['sleep:100000'];

export const lines = (text) => text.split('\n').filter((line) => line !== '');

/** The row of mountinfo for a mount point, split: fields before " - " and the file system's type and options behind it. */
export function mountAt(result, point) {
  const row = lines(result.value('read:/proc/self/mountinfo'))
    .map((line) => line.split(' '))
    .findLast((fields) => fields[4] === point);
  expect(row, `nothing is mounted on ${point}`);
  const dash = row.indexOf('-');
  return {
    options: row[5].split(','),
    tags: row.slice(6, dash),
    type: row[dash + 1],
    data: row[dash + 3].split(','),
  };
}

export const statusLine = (result, name) =>
  lines(result.value('read:/proc/self/status'))
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1)
    .trim();
