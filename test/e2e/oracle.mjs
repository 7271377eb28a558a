// oracle.mjs RECORDING STRACE-PREFIX: holds a recording made with --every against what `strace -ff -y -xx -o STRACE-PREFIX` saw of the
// same run (strace ran under the recorder). Call by call and thread by thread: the names, the results, the texts of paths, and
// the files that were opened. Exit 0 where all are the same. There is no tolerance; what is left out, and why, is said here:
//  - what strace itself does, and what a thread does before it executes the program that is traced: strace does not trace that;
//  - results that the notify recorder does not know;
//  - the result of rt_sigreturn, which has none: strace shows the interrupted call's; it is not raised to the notify recorder;
//  - a call that a signal interrupts while it waits for the notify recorder to take it: it was never made, and is made
//    again after the signal. strace shows the attempt, as ERESTARTSYS, or without an end where the signal was the thread's end;
//  - the last call of a thread, but for its name: one that is killed (by another's exit_group or execve, or by a signal) while strace
//    holds it is gone when strace asks for its registers, and strace fills in those of the thread that it asked before;
//  - that name, and that there was a call at all, where it was killed before the call was performed, which the kernel ends with ENOSYS
//    then: strace did not see which one it was;
//  - which thread made an execve that the first thread of its process did not make: it is that one from then on, and strace tells the
//    beginning in the one's file and the end in the other's;
//  - whose files /proc/self and /proc/thread-self are: the notify recorder, which cannot ask the kernel, tells the text;
//  - the text of an execve that succeeded, where the bpf recorder tells the file that the kernel executed instead.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { signatureOf } from '../../build/ts/src/policy/index.js';

const [recording, prefix] = process.argv.slice(2);
const lines = readFileSync(recording, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));
const header = lines[0];
const calls = lines.filter((line) => line.record === undefined);

/** The arguments of a strace line, parted at commas outside brackets and strings. */
function split(text) {
  const parts = [];
  let depth = 0;
  let part = '';
  let quoted = false;
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    if (!quoted && '([{<'.includes(char)) depth++;
    if (!quoted && ')]}>'.includes(char)) depth--;
    if (char === ',' && depth === 0 && !quoted) {
      parts.push(part.trim());
      part = '';
    } else part += char;
  }
  return text.trim() === '' ? [] : [...parts, part.trim()];
}

const bytes = (text) =>
  Buffer.from(
    [...text.matchAll(/\\x([0-9a-f]{2})/g)].map(([, digits]) => Number.parseInt(digits, 16)),
  ).toString();

function pathsOf(name, args) {
  return (signatureOf(name) ?? []).flatMap((argument, index) => {
    if (argument.type !== 'path' || !args[index]?.startsWith('"')) return [];
    return [bytes(args[index])];
  });
}

/** One line of strace as the recording would have it. */
function seen(line) {
  const match =
    /^([a-z0-9_]+)\((.*)\)\s+= (\?|-?\d+|0x[0-9a-f]+)(?:<(.*?)>)?(?: (E[A-Z0-9]+)| \?|.*)?.*$/.exec(line);
  const broken = /^([a-z0-9_]+)\((.*?)(?: <unfinished \.\.\.>)?$/.exec(line);
  if (match === null)
    return broken === null ? null : { call: broken[1], errno: undefined, paths: [], whole: false };
  const [, call, args, result, file, errno] = match;
  return {
    call,
    result: result === '?' ? undefined : result,
    errno: result === '-1' ? errno : /\? (E[A-Z_]+)/.exec(line)?.[1],
    paths: pathsOf(call, split(args)),
    file: file?.startsWith('\\x') ? bytes(file) : undefined,
    whole: result !== '?',
  };
}

/**
 * What strace saw of a thread, call by call; `last` is the last one of its life. A thread has two of them where another one's execve ended
 * the first: the execve that the second begins with.
 */
function callsOf(text) {
  const found = [];
  const ended = () => {
    if (found.length > 0) found[found.length - 1].last = true;
  };
  for (const line of text.split('\n')) {
    if (/^\+\+\+ superseded by execve/.test(line)) ended();
    if (/^<\.\.\. execve(at)? resumed>/.test(line) && header.recorder.results)
      found.push({ ...seen(line.replace(/^<\.\.\. (execve(?:at)?) resumed>/, '$1(')), begins: true });
    if (!/^[a-z]/.test(line) || (header.recorder.results && / <pid changed to \d+ \.\.\.>$/.test(line)))
      continue;
    if (/^rt_sigreturn\(/.test(line) && !header.recorder.results) continue;
    found.push(seen(line) ?? { call: line, paths: [], whole: false });
  }
  ended();
  return found;
}

/** Whether the recorder, where it could read them at all, read the texts of paths that strace did. */
function sameTexts(wanted, found) {
  const given = found.paths.filter(
    ({ argument, given }) =>
      given !== null &&
      signatureOf(found.call)?.some(({ name, type }) => name === argument && type === 'path'),
  );
  return JSON.stringify(wanted.paths) === JSON.stringify(given.map((path) => path.given));
}

/**
 * What strace saw of a thread without the attempts that the notify recorder did not take. Those that it did take look the same to strace:
 * of calls in a row that are alike, so many attempts are left out as the recorder told fewer calls.
 */
function withoutAttempts(wanted, found) {
  const kept = [];
  for (let start = 0, end = 0; start < wanted.length; start = end) {
    const { call, paths } = wanted[start];
    const alike = JSON.stringify(paths);
    while (wanted[end]?.call === call && JSON.stringify(wanted[end].paths) === alike) end++;
    let told = kept.length;
    while (
      found[told]?.call === call &&
      (found[told].args.length === 0 || sameTexts(wanted[start], found[told]))
    )
      told++;
    let missing = end - start - (told - kept.length);
    for (const each of wanted.slice(start, end))
      if (each.errno !== 'ERESTARTSYS' || missing-- <= 0) kept.push(each);
  }
  return kept;
}

const threads = new Map();
for (const call of calls) {
  const before = threads.get(call.tid);
  if (before === undefined) threads.set(call.tid, [call]);
  else before.push(call);
}

const problems = [];
let compared = 0;
let paths = 0;
let files = 0;
for (const name of readdirSync(dirname(prefix))) {
  if (!name.startsWith(`${basename(prefix)}.`)) continue;
  const tid = Number(name.slice(basename(prefix).length + 1));
  let wanted = callsOf(readFileSync(`${dirname(prefix)}/${name}`, 'utf8'));
  let found = threads.get(tid) ?? [];
  threads.delete(tid);
  if (found[0]?.exe.endsWith('/strace') || found[0]?.comm === 'strace')
    found = found.slice(found.findIndex((call) => call.call.startsWith('execve')));
  if (!header.recorder.results) wanted = withoutAttempts(wanted, found);
  for (let i = 0; i < Math.max(wanted.length, found.length); i++) {
    const [a, b] = [wanted[i], found[i]];
    if (a === undefined && b === undefined) break;
    if (a?.call !== b?.call) {
      // Killed before the notify recorder could take it.
      if (!header.recorder.results && a?.last && !a.whole) {
        wanted.splice(i--, 1);
        continue;
      }
      // Killed before it was performed: strace took it for another one, or saw nothing of it.
      if (b?.errno === 'ENOSYS' && (a === undefined || a.begins) && (i === 0 || wanted[i - 1].whole)) {
        wanted.splice(i, 0, { call: b.call, whole: false });
        continue;
      }
      if (b?.errno === 'ENOSYS' && a?.last && !a.whole) continue;
    }
    compared++;
    const where = `thread ${tid}, call ${i}: strace ${JSON.stringify(a)}, recorded ${b?.detail} = ${b?.result} ${b?.errno}`;
    if (a?.call !== b?.call) {
      const near = (list) =>
        list
          .slice(Math.max(0, i - 6), i + 4)
          .map(({ call, errno, result }) => `${call}=${errno ?? result ?? '?'}`)
          .join(' ');
      problems.push(`${where}\n  strace ${near(wanted)}\n  recorded ${near(found)}`);
      break;
    }
    if (a.last || !a.whole) continue;
    if (header.recorder.results && a.call !== 'rt_sigreturn' && (a.errno ?? null) !== b.errno)
      problems.push(`errno: ${where}`);
    if (b.args.length === 0) continue;
    paths += a.paths.length;
    if (!sameTexts(a, b)) problems.push(`texts: ${where}`);
    if (a.file?.startsWith('/') && /^(open|openat|creat)$/.test(a.call)) {
      files++;
      const path = a.file.replace(/ \(deleted\)$/, '');
      if (
        b.paths[0]?.path !== path &&
        !(b.paths[0]?.known === 'joined' && b.paths[0].path.includes('/proc/'))
      )
        problems.push(`file ${a.file}: ${where}, ${JSON.stringify(b.paths)}`);
    }
  }
}
for (const [tid, [first, ...others]] of threads)
  if (![first, ...others].some((call) => call.exe.endsWith('/strace')))
    problems.push(`thread ${tid}: strace nothing, recorded ${first.detail} and ${others.length} more`);
for (const problem of problems.slice(0, 20)) console.log(problem);
console.log(
  `${compared} calls, ${paths} texts and ${files} opened files compared, ${problems.length} differences`,
);
process.exitCode = problems.length === 0 && compared > 20 ? 0 : 1;
