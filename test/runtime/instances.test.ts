import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Failure, startTimeOf } from '../../src/bundle/index.js';
import { nativeProgram, runningInstance } from '../../src/runtime/index.js';
import { fill, temporary } from '../bundle/helpers/folders.js';

const own = { pid: process.pid, startTime: Number(startTimeOf(process.pid)) };
const dead = { pid: process.pid, startTime: 1 };
const none = { pid: 0, startTime: 0 };

const states: readonly [string, object, number | undefined][] = [
  ['the program lives', { program: own, init: dead, supervisor: none }, process.pid],
  ['only pid 1 of the instance lives', { program: dead, init: own }, process.pid],
  ['only the supervisor lives', { program: none, init: none, supervisor: own }, process.pid],
  ['all are dead', { program: dead, init: dead, supervisor: dead }, undefined],
  ['none was ever there', { program: none }, undefined],
  ['nothing is said', {}, undefined],
];
for (const [title, state, pid] of states) {
  test(`an instance of which ${title}`, (t) => {
    const root = temporary(t);
    mkdirSync(join(root, 'x'));
    writeFileSync(join(root, 'x/state.json'), JSON.stringify({ id: 'x', bundle: '/b', ...state }));
    t.is(runningInstance(root, 'x')?.pid, pid);
  });
}

test('what was never started does not run', (t) => {
  t.is(runningInstance(join(temporary(t), 'nowhere'), 'x'), undefined);
});

test('a state that cannot be read is an error, not an answer', (t) => {
  const root = temporary(t);
  fill(root, { 'x/state.json': '{"id":' });
  t.throws(() => runningInstance(root, 'x'), { instanceOf: Failure, message: /cannot be read/ });
});

test('a native program is found on PATH, or its absence says what to do', (t) => {
  const folder = temporary(t);
  fill(folder, { 'vxe-nowhere-else': Buffer.from('x') });
  const name = 'vxe-nowhere-else' as 'vxe';
  t.is(nativeProgram(name, { PATH: `/nowhere:${folder}` }), join(folder, name));
  const error = t.throws(() => nativeProgram(name, { PATH: '/nowhere' }), { instanceOf: Failure });
  t.regex(error?.hint ?? '', /make native/);
});
