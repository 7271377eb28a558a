import type { SourceSpan } from '../../common/index.js';
import type { Argument } from '../../policy/index.js';
import type { Builtin } from './builtin.js';
import type { Value } from './value.js';

/** A function: its parameters, perhaps one that takes all further arguments, and its body. */
export interface Lambda {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly rest: string | undefined;
  readonly body: Core;
  readonly span: SourceSpan;
}

export const ITERATIONS = ['map', 'filter', 'for-each', 'every?', 'some?', 'fold'] as const;
export type Iteration = (typeof ITERATIONS)[number];

/** The statements of a profile; each is data for the elaboration. */
export const CLAUSES = [
  'vxed',
  'name',
  'description',
  'type',
  'program',
  'file',
  'accept',
  'connect',
  'socket',
  'interface',
  'exec',
  'signal',
  'trace',
  'namespaces',
  'descriptors',
  'capabilities',
  'limit',
  'resource',
  'services',
  'permit',
  'accept-unenforced',
] as const;
export type ClauseName = (typeof CLAUSES)[number];

/** The name that the path has in a predicate of `file-when`. */
export const PATH = 'path';

/** The language that is left when macros, includes and names are resolved. Calls lead only to what was defined before. */
export type Core = { readonly span: SourceSpan } & (
  | { readonly op: 'value'; readonly value: Value }
  | { readonly op: 'local' | 'global'; readonly name: string }
  | { readonly op: 'if'; readonly test: Core; readonly yes: Core; readonly otherwise: Core | undefined }
  | { readonly op: 'and' | 'or'; readonly parts: readonly Core[] }
  | { readonly op: 'let'; readonly name: string; readonly value: Core; readonly body: Core }
  | { readonly op: 'block'; readonly body: readonly Core[] }
  | { readonly op: 'list'; readonly items: readonly Core[] }
  | { readonly op: 'call'; readonly target: Lambda; readonly args: readonly Core[] }
  | { readonly op: 'builtin'; readonly builtin: Builtin; readonly args: readonly Core[] }
  | {
      readonly op: 'iterate';
      readonly iteration: Iteration;
      readonly step: Lambda | Builtin;
      readonly args: readonly Core[];
    }
  | { readonly op: 'clause'; readonly clause: ClauseName; readonly args: readonly Core[] }
  | {
      readonly op: 'permit-when' | 'after';
      readonly call: string;
      readonly callSpan: SourceSpan;
      readonly predicates: readonly Core[];
    }
  | {
      readonly op: 'quiet';
      readonly call: string;
      readonly callSpan: SourceSpan;
      readonly errno: Core;
      readonly predicates: readonly Core[];
    }
  | {
      readonly op: 'file-when';
      readonly folder: Core;
      readonly predicate: Core;
      readonly access: readonly Core[];
    }
  | { readonly op: 'argument'; readonly argument: Argument }
);

/** One step of a program, in the order of the text. */
export type Step =
  | { readonly kind: 'define'; readonly name: string; readonly value: Core; readonly span: SourceSpan }
  | { readonly kind: 'do'; readonly core: Core; readonly span: SourceSpan };
