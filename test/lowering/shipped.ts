import { readdirSync, readFileSync } from 'node:fs';
import { readProfile } from '../../src/bundle/index.js';
import { unwrap } from '../../src/common/index.js';
import { formOf } from '../../src/language/index.js';
import type { Policy } from '../../src/policy/index.js';

/** Every profile that ships, whatever its form; a new one in the folder is taken by itself. */
export function shippedProfiles(): readonly { readonly path: string; readonly policy: Policy }[] {
  return readdirSync('profiles')
    .filter((name) => /\.(vxed\.ya?ml|vxed|acl)$/.test(name))
    .sort()
    .map((name) => ({ path: `profiles/${name}`, policy: policyIn(`profiles/${name}`) }));
}

function policyIn(path: string): Policy {
  if (!path.endsWith('.acl')) return readProfile(path).policy;
  const form = formOf(path);
  if (form === undefined) throw new Error(`${path} is in no form`);
  return unwrap(form.parse({ name: path, text: readFileSync(path, 'utf8') }));
}
