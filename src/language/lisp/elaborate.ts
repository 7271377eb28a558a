import type { Diagnostic, Result, SourceSpan } from '../../common/index.js';
import { failure, nearestName, success } from '../../common/index.js';
import type {
  AcceptedRule,
  Access,
  FileRule,
  LimitRule,
  PathText,
  PatternRule,
  Policy,
  PolicyType,
  ProgramRule,
  Service,
} from '../../policy/index.js';
import { ACCESS_WORDS, completeCalls, constantValue, parsePathText, SERVICES } from '../../policy/index.js';
import { fileRule, sortRules } from '../files.js';
import { LIMITS } from '../yaml/keys.js';
import { CallDrafts } from './calls.js';
import type { Clause } from './evaluate.js';
import { collecting, complain, LispError, saidTwice } from './form.js';
import { InstanceDraft, programsOf } from './instance.js';
import { LispPredicate } from './path-predicate.js';
import type { Given } from './value.js';
import { asInt, asString } from './value.js';
import type { Word } from './words.js';
import { flatten, wordOf, words } from './words.js';

type Plain = Extract<Clause, { kind: 'plain' }>;

const UNLIMITED = 0xffff_ffff_ffff_ffffn;
const INTERFACES = ['host', 'none', 'loopback'] as const;

/** Makes a policy of the statements of a profile; what it cannot say is an error at the statement. */
export function elaborate(clauses: readonly Clause[], whole: SourceSpan): Result<Policy> {
  const draft = new Draft();
  const diagnostics: Diagnostic[] = [];
  for (const clause of clauses) collecting(diagnostics, () => draft.add(clause));
  if (diagnostics.length > 0) return failure(...diagnostics);
  const policy = collecting(diagnostics, () => draft.finish(whole, diagnostics));
  return policy === undefined || diagnostics.length > 0 ? failure(...diagnostics) : success(policy);
}

/** What the statements have said so far. */
class Draft {
  readonly #once = new Map<string, { text: string; span: SourceSpan }>();
  readonly #files = new Map<string, FileRule | PatternRule>();
  readonly #instance = new InstanceDraft();
  readonly #capabilities = new Map<string, SourceSpan>();
  readonly #limits = new Map<string, LimitRule>();
  readonly #services = new Set<Service>();
  readonly #accepted = new Map<string, AcceptedRule>();
  readonly #calls = new CallDrafts();
  #version: SourceSpan | undefined;
  #programs: readonly ProgramRule[] | undefined;

  add(clause: Clause): void {
    if (clause.kind === 'plain') this.#plain(clause);
    else if (clause.kind === 'file-when') this.#fileWhen(clause);
    else if (clause.kind === 'quiet') this.#calls.quiet(clause);
    else if (clause.kind === 'after') this.#calls.after(clause);
    else this.#calls.permitWhen(clause);
  }

  #plain(clause: Plain): void {
    switch (clause.name) {
      case 'vxed':
        this.#checkVersion(clause);
        break;
      case 'name':
        this.#say(clause, checkName(oneWord(clause)));
        break;
      case 'description':
        this.#say(clause, asString('description', one(clause, 'a string')));
        break;
      case 'type':
        this.#say(clause, choice(clause, ['strict', 'filesystem']));
        break;
      case 'exec':
        this.#programs = programsOf(clause);
        this.#say(clause, this.#programs === undefined ? choice(clause, ['once', 'any']) : 'any');
        break;
      case 'interface':
        this.#say(clause, choice(clause, INTERFACES));
        break;
      case 'program':
        this.#say(clause, checkOnePath('program', one(clause, 'a path')));
        break;
      case 'file':
        this.#file(clause);
        break;
      case 'limit':
        this.#limit(clause);
        break;
      default:
        if (!this.#instance.add(clause)) this.#words(clause);
    }
  }

  #words(clause: Plain): void {
    for (const { word, span } of words(clause.name, clause.args)) {
      if (clause.name === 'permit') this.#calls.permit(word, span);
      else if (clause.name === 'capabilities') this.#capabilities.set(checkCapability(word, span), span);
      else if (clause.name === 'services') this.#services.add(checkService(word, span));
      else if (!this.#accepted.has(word)) this.#accepted.set(word, { id: word, span });
    }
  }

  #checkVersion(clause: Plain): void {
    const given = one(clause, '1');
    const version = asInt('vxed', given);
    if (version !== 1n) {
      const message = `this VXE reads version 1 of profiles, not ${version}`;
      throw complain('unsupported', message, given.span, '(vxed 1) was expected');
    }
    this.#version = clause.span;
  }

  #say(clause: Plain, text: string): void {
    const before = this.#once.get(clause.name);
    if (before !== undefined)
      throw saidTwice(`${clause.name} is said twice`, clause.span, before.span, 'remove one of them');
    this.#once.set(clause.name, { text, span: clause.args[0]?.span ?? clause.span });
  }

  #file(clause: Plain): void {
    const [paths, ...rest] = clause.args;
    if (paths === undefined || rest.length === 0)
      throw complain(
        'syntax',
        'file wants a path and what may be done with it',
        clause.span,
        '(file "/etc" read)',
      );
    const access = checkAccess(words('file', rest), clause.span);
    for (const given of flatten([paths])) {
      const rule = fileRule(checkPath('file', given), access, given.span);
      const before = this.#files.get(rule.id);
      if (before !== undefined) {
        const what = rule.id.slice('files:'.length);
        throw saidTwice(`${what} is ruled twice`, given.span, before.span, 'one rule says all of a path');
      }
      this.#files.set(rule.id, rule);
    }
  }

  #fileWhen({ folder: given, question, access, span }: Extract<Clause, { kind: 'file-when' }>): void {
    const folder = checkOnePath('file-when', given);
    const predicate = new LispPredicate(question);
    // What is wrong with every path is wrong with this one.
    const tried = predicate.holds(folder);
    if (!tried.ok) throw new LispError(tried.diagnostics[0]);
    let id = `files:${folder}:when`;
    for (let count = 2; this.#files.has(id); count++) id = `files:${folder}:when:${count}`;
    const granted = checkAccess(words('file-when', access), span);
    this.#files.set(id, { kind: 'predicate', id, folder, predicate, access: granted, span });
  }

  #limit(clause: Plain): void {
    const [name, amount, ...more] = clause.args;
    if (name === undefined || amount === undefined || more.length > 0)
      throw complain('syntax', 'limit wants a resource and a number', clause.span, '(limit nofile 256)');
    const { word, span } = wordOf('limit', name);
    const type = LIMITS.get(word);
    if (type === undefined) {
      const near = nearestName(word, LIMITS.keys());
      const hint =
        near === undefined ? `the limits are ${[...LIMITS.keys()].join(', ')}` : `did you mean ${near}?`;
      throw complain('unknown-key', `there is no limit ${word}`, span, hint);
    }
    const before = this.#limits.get(word);
    if (before !== undefined)
      throw saidTwice(`${word} is limited twice`, span, before.span, 'remove one of them');
    this.#limits.set(word, { id: `limits:${word}`, type, value: limitValue(amount), span });
  }

  finish(whole: SourceSpan, diagnostics: Diagnostic[]): Policy | undefined {
    const missing = ['name', 'type'].filter((name) => !this.#once.has(name));
    if (this.#version === undefined) missing.unshift('vxed');
    for (const name of missing) {
      const hint = { vxed: '(vxed 1)', name: '(name popd)', type: '(type strict)' }[name];
      diagnostics.push({
        code: 'missing-key',
        message: `the profile has no ${name}`,
        span: whole,
        hint: `add ${hint}`,
      });
    }
    if (missing.length > 0) return undefined;
    const type: PolicyType = this.#text('type') === 'filesystem' ? 'filesystem' : 'strict';
    const exec = this.#text('exec') === 'any' ? 'any' : 'once';
    const { firstGrant } = this.#instance;
    if (firstGrant !== undefined && !this.#once.has('interface'))
      throw complain(
        'missing-key',
        'ports are granted, but not on which interface',
        firstGrant,
        'add (interface host)',
      );
    const own = this.#calls.rules(type, exec, diagnostics);
    const instance = this.#instance.said(type, this.#interface());
    return {
      ...instance,
      name: this.#text('name') ?? '',
      description: this.#text('description') ?? '',
      type,
      program: this.#text('program'),
      ...sortRules(this.#files.values()),
      calls: completeCalls({ type, exec, ...instance }, this.#once.get('exec')?.span ?? whole, own),
      unnamed: type === 'strict' ? 'refuse' : 'permit',
      hooks: this.#calls.hooks,
      exec,
      programs: this.#programs,
      capabilities: [...this.#capabilities.keys()],
      limits: [...this.#limits.values()],
      services: [...this.#services],
      acceptUnenforced: [...this.#accepted.values()],
      span: this.#once.get('name')?.span ?? whole,
    };
  }

  #text(name: string): string | undefined {
    return this.#once.get(name)?.text;
  }

  #interface(): Policy['network']['interface'] {
    return INTERFACES.find((word) => word === this.#text('interface')) ?? 'none';
  }
}

function one(clause: Plain, wanted: string): Given {
  const [given, ...more] = clause.args;
  if (given !== undefined && more.length === 0) return given;
  throw complain(
    'syntax',
    `${clause.name} wants one operand, not ${clause.args.length}`,
    clause.span,
    `${wanted} was expected`,
  );
}

function oneWord(clause: Plain): Word {
  return wordOf(clause.name, one(clause, 'a word'));
}

function choice(clause: Plain, known: readonly string[]): string {
  const { word, span } = oneWord(clause);
  if (known.includes(word)) return word;
  throw complain('bad-value', `${clause.name} cannot be ${word}`, span, `it is one of ${known.join(', ')}`);
}

function checkName({ word, span }: Word): string {
  if (/^[a-z0-9][a-z0-9._-]{0,62}$/.test(word)) return word;
  const hint =
    'small letters, digits, dot, dash and underscore, beginning with a letter or digit, at most 63';
  throw complain('bad-value', `${word} cannot be a profile's name`, span, hint);
}

function checkPath(who: string, given: Given): PathText {
  const what = parsePathText(asString(who, given));
  if (what.ok) return what.value;
  throw new LispError({ code: 'bad-path', message: '', ...what.diagnostics[0], span: given.span });
}

/** A path where a pattern cannot stand. */
function checkOnePath(who: string, given: Given): string {
  const what = checkPath(who, given);
  if (what.kind === 'path') return what.path;
  const hint =
    who === 'program' ? 'name one program' : 'name the folder, and leave the rest to the predicate';
  throw complain('bad-path', `${what.glob.text} is a pattern`, given.span, hint);
}

function checkAccess(given: readonly Word[], clauseSpan: SourceSpan): ReadonlySet<Access> {
  const access = new Set<Access>();
  if (given.length === 0)
    throw complain('bad-value', 'what may be done with it is not said', clauseSpan, 'such as read, or none');
  if (given.length === 1 && given[0]?.word === 'none') return access;
  for (const { word, span } of given) {
    const known = ACCESS_WORDS.find((candidate) => candidate === word);
    if (known === undefined) {
      const near = nearestName(word, [...ACCESS_WORDS, 'none']);
      const all = `the words are ${ACCESS_WORDS.join(', ')}, or none alone`;
      const hint = near === undefined || word === 'none' ? all : `did you mean ${near}?`;
      throw complain('bad-value', `${word} is not an access to files here`, span, hint);
    }
    if (access.has(known)) throw complain('bad-value', `${word} is said twice`, span, 'once is enough');
    access.add(known);
  }
  return access;
}

function checkCapability(word: string, span: SourceSpan): string {
  if (/^CAP_[A-Z_0-9]+$/.test(word) && constantValue(word) !== undefined) return word;
  const hint = 'write the name as the kernel has it, such as CAP_SETUID';
  throw complain('unknown-constant', `${word} is not a capability`, span, hint);
}

function checkService(word: string, span: SourceSpan): Service {
  const known = SERVICES.find((candidate) => candidate === word);
  if (known !== undefined) return known;
  throw complain('bad-value', `there is no service ${word}`, span, `the services are ${SERVICES.join(', ')}`);
}

function limitValue(given: Given): bigint {
  if (given.value.kind === 'word' && given.value.value === 'unlimited') return UNLIMITED;
  const value = asInt('limit', given);
  if (value >= 0n && value < UNLIMITED) return value;
  throw complain(
    'bad-value',
    `${value} is not a limit`,
    given.span,
    'a number from 0, or unlimited, was expected',
  );
}
