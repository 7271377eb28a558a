import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type SourceFile, unwrap } from '../common/index.js';
import { FORMS, type Form, formOf, inlineLibraries } from '../language/index.js';
import type { Policy } from '../policy/index.js';
import { Failure } from './failure.js';
import { checkName, findIn, listIn, memberNames, type Places, packageFolder } from './places.js';

/** What the name of a profile's file ends in. In one folder, the first of them wins. */
export const PROFILE_ENDINGS = ['.vxed.yaml', '.vxed', '.acl'] as const;

export interface ReadProfile {
  /** The text as a bundle keeps it: byte for byte, but for the libraries that are written into it. */
  readonly file: SourceFile;
  /** The texts that the policy's positions point into. */
  readonly files: readonly SourceFile[];
  readonly policy: Policy;
}

/** A profile that was found by its name. */
export interface NamedProfile extends ReadProfile {
  readonly path: string;
}

/** Where the profile of this name is. */
export function findProfile(name: string, places: Places): string | undefined {
  checkName(name, 'profile');
  for (const folder of places.profiles) {
    for (const ending of PROFILE_ENDINGS) {
      const path = findIn([folder], `${name}${ending}`);
      if (path !== undefined) return path;
    }
  }
  return undefined;
}

/** Reads a profile by its name. */
export function loadProfile(name: string, places: Places): NamedProfile {
  const path = findProfile(name, places);
  if (path !== undefined) return { ...readProfile(path), path };
  throw new Failure('profile-missing', name, 'there is no profile of this name', {
    hint: existsSync(name)
      ? `a profile's file is named with a slash: ./${name}`
      : `write /etc/vxe/profiles/${name}.vxed.yaml, which vxe-profile(5) shows an example of, name another with --profile, or make the bundle with --no-profile, to trace and learn it`,
  });
}

/** Reads the profile of a name, or of `A+B` all that are stacked, in this order. */
export function loadProfiles(name: string, places: Places): readonly NamedProfile[] {
  return memberNames(name).map((each) => loadProfile(each, places));
}

/** Every profile that can be found by its name. */
export function listProfiles(places: Places): { readonly name: string; readonly path: string }[] {
  const found = new Map<string, string>();
  for (const folder of places.profiles) {
    for (const ending of PROFILE_ENDINGS) {
      for (const { name, path } of listIn([folder], ending)) if (!found.has(name)) found.set(name, path);
    }
  }
  return [...found].map(([name, path]) => ({ name, path })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Reads a profile's file; its name says in which form it is, and a name that says nothing is taken for YAML. */
export function readProfile(path: string): ReadProfile {
  const file = { name: path, text: readFileSync(path, 'utf8') };
  const files = [file];
  const load = (library: string, from: string): SourceFile | undefined => {
    const found = findLibrary(library, from);
    if (found !== undefined) files.push(found);
    return found;
  };
  const form = formFor(path);
  // The libraries are known only when the text has been read, and the diagnostics show their lines too.
  const parsed = form.parse(file, load);
  const policy = unwrap(parsed, files, 2);
  if (form.format !== 'lisp') return { file, files, policy };
  return { file: { name: path, text: unwrap(inlineLibraries(file, load), files, 2) }, files, policy };
}

function formFor(path: string): Form {
  const form = formOf(path) ?? FORMS[0];
  if (form === undefined) throw new TypeError('there is no form of profiles');
  return form;
}

/** A library by its path, which starts at the folder of the text that includes it, or else where profiles are kept. */
export function findLibrary(library: string, from: string): SourceFile | undefined {
  const folders = [dirname(from), '/etc/vxe/profiles', join(packageFolder(), 'profiles')];
  const path = folders
    .map((each) => resolve(each, library))
    .find((each) => existsSync(each) && statSync(each).isFile());
  return path === undefined ? undefined : { name: path, text: readFileSync(path, 'utf8') };
}

/** The names under which a bundle keeps the texts of its profile, or of the members of its stack. */
export function storedNames(files: readonly SourceFile[]): readonly (readonly [string, SourceFile])[] {
  return files.map((file, index) => {
    const place = files.length === 1 ? '' : `.${index + 1}`;
    return [`vxe/profile${place}${formFor(file.name).extensions[0] ?? ''}`, file] as const;
  });
}

/**
 * The text that a bundle was made with; where it has none yet, the file that it will be in. One with a stack has no such text, and
 * nothing may change one of its members here.
 */
export function storedProfile(bundle: string): string {
  const stored = storedProfiles(bundle);
  const [only, ...others] = stored;
  if (only === undefined) return join(bundle, 'vxe/profile.vxed.yaml');
  if (others.length === 0) return only;
  const names = stored.map((path) => readProfile(path).policy.name);
  throw new Failure('stacked', basename(bundle), `is confined by a stack, of ${names.join(' and ')}`, {
    hint: `change one of these profiles, and create the bundle again with --replace`,
  });
}

export function hasProfile(bundle: string): boolean {
  return storedProfiles(bundle).length > 0;
}

/** The texts that a bundle was made with: of its profile, or of the members of a stack in their order; none yet is possible. */
export function storedProfiles(bundle: string): readonly string[] {
  const stored = (place: string): string | undefined =>
    FORMS.map((form) => join(bundle, `vxe/profile${place}${form.extensions[0] ?? ''}`)).find((name) =>
      existsSync(name),
    );
  const members: string[] = [];
  for (let next = stored('.1'); next !== undefined; next = stored(`.${members.length + 1}`))
    members.push(next);
  const only = stored('');
  return members.length > 0 || only === undefined ? members : [only];
}

/** What is said where a bundle has no profile yet: the same words as the launcher's. */
export function noProfileYet(name: string): Failure {
  return new Failure(
    'no-profile',
    name,
    'the bundle has no profile yet, so it can be traced and nothing else',
    {
      hint: `record what it does with 'vxe trace ${name} -- EXERCISE', then make its profile with 'vxe learn ${name}'`,
    },
  );
}
