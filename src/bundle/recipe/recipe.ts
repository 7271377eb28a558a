import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { type Diagnostic, failure, type Result, type SourceFile, success } from '../../common/index.js';
import { packageFolder, stackName } from '../places.js';
import { checkSchema, type Placed, type Schema } from './schema.js';
import { plain, readYaml } from './yaml.js';

export interface UserRecipe {
  readonly uid?: number;
  readonly gid?: number;
  readonly group?: string;
  readonly home?: string;
  readonly shell?: string;
}

export interface FileRecipe {
  readonly content?: string;
  readonly from?: string;
  readonly mode?: string;
  readonly owner?: string;
}

export interface MountRecipe {
  readonly source: string;
  readonly options?: readonly string[];
  readonly kind?: 'file' | 'directory';
  /** Makes the folder on the host, with these, where it is missing when the bundle is made. */
  readonly create?: { readonly mode?: string; readonly owner?: string } | null;
}

/** A recipe as it is written, after the schema has held. */
export interface Recipe {
  readonly recipe: 1;
  readonly name: string;
  readonly description?: string;
  readonly source:
    | { readonly package: string; readonly with?: readonly string[] }
    | { readonly exec: string };
  /** By name; of several, what each of them permits. Absent: there is none yet, and the bundle can be traced and nothing else. */
  readonly profile?: string | readonly string[];
  readonly program: readonly string[];
  readonly kind?: 'simple' | 'forking';
  /** `USER` or `USER:GROUP` of the accounts; root if absent. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly accounts?: {
    readonly users?: Readonly<Record<string, UserRecipe | null>>;
    readonly groups?: Readonly<Record<string, { readonly gid?: number } | null>>;
  };
  readonly libraries?: readonly string[];
  readonly dlopen?: readonly string[];
  readonly files?: Readonly<Record<string, FileRecipe>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly directories?: Readonly<Record<string, { readonly mode?: string; readonly owner?: string } | null>>;
  readonly mounts?: Readonly<Record<string, MountRecipe>>;
  readonly tmpfs?: Readonly<Record<string, { readonly size?: string; readonly mode?: string } | null>>;
  readonly devices?: readonly string[];
  readonly timezone?: string;
  readonly admit?: Readonly<Record<string, string>>;
  readonly setid?: Readonly<Record<string, string>>;
}

let schemaText: Schema | undefined;

/** The published schema, which is also what recipes are checked with. */
export function recipeSchema(): Schema {
  schemaText ??= JSON.parse(readFileSync(`${packageFolder()}/schemas/recipe.schema.json`, 'utf8')) as Schema;
  return schemaText;
}

/** Reads a recipe; every complaint has a position. */
export function parseRecipe(file: SourceFile): Result<Recipe> {
  if (file.text.length > 4 * 1024 * 1024)
    return failure({ code: 'too-large', message: `${file.name} is larger than a recipe can be` });
  const placed = readYaml(file);
  if (!placed.ok) return placed;
  const diagnostics = checkSchema(recipeSchema(), placed.value);
  if (diagnostics.length > 0) return failure(...diagnostics);
  const written = plain(placed.value) as Recipe & { readonly devices?: readonly (string | null)[] };
  // Unquoted, YAML reads the device's name as the absence of a value.
  const devices = written.devices?.map((device) => device ?? 'null');
  const recipe: Recipe = devices === undefined ? written : { ...written, devices };
  const conflicts = [...checkMeaning(recipe, placed.value)];
  return conflicts.length > 0 ? failure(...conflicts) : success(recipe);
}

/** What a schema cannot say: no path is claimed twice, the program is a path, the mounts do not hide each other. */
function* checkMeaning(recipe: Recipe, placed: Placed): Generator<Diagnostic> {
  if (recipe.program[0]?.startsWith('/') !== true || /\/(\.{1,2})?(\/|$)/.test(recipe.program[0])) {
    yield {
      code: 'bad-path',
      message: 'the first item of program must be an absolute path',
      span: member(placed, 'program').span,
    };
  }
  const claims = new Map<string, string>();
  for (const section of ['files', 'links', 'directories', 'mounts', 'tmpfs'] as const) {
    for (const path of Object.keys(recipe[section] ?? {})) {
      const span = member(placed, section, path).span;
      const earlier = claims.get(path);
      if (earlier !== undefined)
        yield { code: 'conflict', message: `${path} is under ${earlier} and under ${section}`, span };
      claims.set(path, section);
      if (/^\/(proc|dev|sys)(\/|$)/.test(path) && path !== '/dev/shm') {
        yield {
          code: 'bad-path',
          message: `${path} belongs to the runtime, which makes /proc and /dev by itself`,
          span,
        };
      }
    }
  }
  for (const [path, mount] of Object.entries(recipe.mounts ?? {})) {
    const options = mount.options ?? [];
    if (mount.create !== undefined && mount.kind === 'file') {
      yield {
        code: 'conflict',
        message: `the mount ${path} is a file, and only a folder can be created`,
        span: member(placed, 'mounts', path).span,
      };
    }
    for (const [on, off] of [
      ['ro', 'rw'],
      ['nosuid', 'suid'],
      ['nodev', 'dev'],
      ['noexec', 'exec'],
    ] as const) {
      if (options.includes(on) && options.includes(off)) {
        yield {
          code: 'conflict',
          message: `the mount ${path} has both ${on} and ${off}`,
          span: member(placed, 'mounts', path).span,
        };
      }
    }
  }
}

function member(placed: Placed, ...path: readonly string[]): Placed {
  let here = placed;
  for (const key of path) {
    const node = here.value;
    const entry = node.kind === 'map' ? node.entries.find((each) => each.key === key) : undefined;
    if (entry === undefined) return here;
    here =
      entry.value.value.kind === 'scalar' && entry.value.value.scalar === null
        ? { ...entry.value, span: entry.keySpan }
        : entry.value;
  }
  return here;
}

/** The name of its profile, or of its stack; undefined: it has none yet. */
export function profileName({ profile }: Recipe): string | undefined {
  return profile === undefined || typeof profile === 'string' ? profile : stackName(profile);
}

/** The recipe as text, keys sorted, so that equal recipes are equal bytes. */
export function recipeText(recipe: Recipe): string {
  return stringify(recipe, { sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false });
}
