// minimize.mjs NAME FILE: puts a row into build/learn/minimize.md, of what `vxe learn --minimize --json` has told in FILE.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';

const [name, file] = process.argv.slice(2);
const table = 'build/learn/minimize.md';
const { profile, unjustified } = JSON.parse(readFileSync(file, 'utf8'));
const rules = Object.entries(parse(profile).learned.rules);
const seen = new Set(rules.filter(([, { count }]) => count !== undefined).map(([id]) => id));
const whole = unjustified.filter(({ parts }) => parts.length === 0).map(({ id }) => id);
const missed = whole.filter((id) => seen.has(id));
const parts = unjustified.flatMap(({ id, parts }) => parts.map((part) => `${id} ${part}`));
const list = (all) => (all.length === 0 ? 'none' : all.map((each) => `\`${each}\``).join(', '));
const row = `| ${name} | ${seen.size} | ${list(missed)} | ${list(parts)} | ${rules.length - seen.size} | ${whole.length - missed.length} |`;
const head = [
  '| daemon | rules that were seen | of these, missed by nothing | parts of those that are needed, missed by nothing | rules that were inferred | of these, missed by nothing |',
  '| --- | --- | --- | --- | --- | --- |',
];
const before = existsSync(table) ? readFileSync(table, 'utf8').trimEnd().split('\n').slice(head.length) : [];
const rows = [...before.filter((line) => !line.startsWith(`| ${name} |`)), row].sort();
writeFileSync(table, `${[...head, ...rows].join('\n')}\n`);
console.log(row);
