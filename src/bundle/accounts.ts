import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from './failure.js';
import type { Recipe, UserRecipe } from './recipe/index.js';

interface PasswdLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The account files of a bundle, and the numbers that its owners are called by. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
  readonly users: ReadonlyMap<string, { readonly uid: number; readonly gid: number }>;
  readonly groups: ReadonlyMap<string, number>;
}

/** Whether the account files of a folder have this user. */
export function hasUser(folder: string, name: string): boolean {
  return readPasswd(join(folder, 'passwd')).some((each) => each.name === name);
}

const SMALLEST_SYSTEM_ID = 100;

/**
 * The accounts that are named and no others, with no password field. The host's numbers hold where the host has the
 * account; else the recipe's, or the next lower ones that no other account of the host has, since files are owned by numbers.
 */
export function accountsOf(recipe: Recipe, folder: string): Accounts {
  const named = recipe.accounts?.users ?? {};
  const namedGroups = recipe.accounts?.groups ?? {};
  const host = { users: readPasswd(join(folder, 'passwd')), groups: readGroup(join(folder, 'group')) };
  const real =
    folder === '/etc' ? host : { users: readPasswd('/etc/passwd'), groups: readGroup('/etc/group') };
  const takenUids = new Set([...host.users, ...real.users].map((each) => each.uid));
  const takenGids = new Set([...host.groups, ...real.groups].map((each) => each.gid));
  const free = (wanted: number, taken: Set<number>): number => {
    let id = wanted;
    while (taken.has(id) && id > SMALLEST_SYSTEM_ID) id -= 1;
    taken.add(id);
    return id;
  };

  const groups = new Map<string, GroupLine>();
  const addGroup = (name: string, wanted: number | undefined): number => {
    const known = groups.get(name) ?? host.groups.find((each) => each.name === name);
    const gid = known?.gid ?? (wanted === undefined ? undefined : free(wanted, takenGids));
    if (gid === undefined) {
      throw new Failure(
        'account-unknown',
        name,
        `is no group in ${join(folder, 'group')}, and the recipe gives it no gid`,
        {
          hint: 'create the group, or give it a gid in the recipe',
        },
      );
    }
    const members = (known?.members ?? []).filter((member) => Object.hasOwn(named, member));
    groups.set(name, { name, gid, members });
    return gid;
  };
  for (const [name, entry] of Object.entries(namedGroups).sort(byKey)) addGroup(name, entry?.gid);

  const users: PasswdLine[] = [];
  for (const [name, entry] of Object.entries(named).sort(byKey)) {
    const known = host.users.find((each) => each.name === name);
    if (known !== undefined) {
      users.push(known);
      const primary = host.groups.find((each) => each.gid === known.gid);
      if (primary !== undefined) addGroup(primary.name, primary.gid);
      else groups.set(name, { name, gid: known.gid, members: [] });
      continue;
    }
    const wanted: UserRecipe = entry ?? {};
    if (wanted.uid === undefined) {
      throw new Failure(
        'account-unknown',
        name,
        `is no user in ${join(folder, 'passwd')}, and the recipe gives it no uid`,
        {
          hint: `create the user, or give it one in the recipe, such as accounts: {users: {${name}: {uid: 990}}}`,
        },
      );
    }
    const uid = free(wanted.uid, takenUids);
    const gid = addGroup(wanted.group ?? name, wanted.gid ?? wanted.uid);
    users.push({
      name,
      uid,
      gid,
      home: wanted.home ?? '/nonexistent',
      shell: wanted.shell ?? '/usr/sbin/nologin',
    });
  }

  users.sort((a, b) => a.uid - b.uid || (a.name < b.name ? -1 : 1));
  const sortedGroups = [...groups.values()].sort((a, b) => a.gid - b.gid || (a.name < b.name ? -1 : 1));
  return {
    // The comment field is a person's name and telephone number: it stays with the host.
    passwd: users
      .map((each) => `${each.name}:x:${each.uid}:${each.gid}::${each.home}:${each.shell}\n`)
      .join(''),
    group: sortedGroups.map((each) => `${each.name}:x:${each.gid}:${each.members.join(',')}\n`).join(''),
    users: new Map(users.map((each) => [each.name, { uid: each.uid, gid: each.gid }])),
    groups: new Map(sortedGroups.map((each) => [each.name, each.gid])),
  };
}

/** The numbers of `USER` or `USER:GROUP`; root is known without being named. */
export function ownerOf(
  owner: string | undefined,
  accounts: Accounts,
  path: string,
): { uid: number; gid: number } {
  if (owner === undefined) return { uid: 0, gid: 0 };
  const [userName = '', groupName] = owner.split(':');
  const user = userName === 'root' ? { uid: 0, gid: 0 } : accounts.users.get(userName);
  if (user === undefined)
    throw new Failure(
      'account-unknown',
      path,
      `names the user ${userName}, who is not among the recipe's accounts`,
    );
  if (groupName === undefined) return user;
  const gid = groupName === 'root' ? 0 : accounts.groups.get(groupName);
  if (gid === undefined)
    throw new Failure(
      'account-unknown',
      path,
      `names the group ${groupName}, which is not among the recipe's accounts`,
    );
  return { uid: user.uid, gid };
}

function readPasswd(file: string): PasswdLine[] {
  return lines(file).flatMap((line) => {
    const [name, , uid, gid, , home, shell] = line.split(':');
    if (
      name === undefined ||
      uid === undefined ||
      gid === undefined ||
      !/^\d+$/.test(uid) ||
      !/^\d+$/.test(gid)
    )
      return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home: home ?? '/', shell: shell ?? '' }];
  });
}

function readGroup(file: string): GroupLine[] {
  return lines(file).flatMap((line) => {
    const [name, , gid, members] = line.split(':');
    if (name === undefined || gid === undefined || !/^\d+$/.test(gid)) return [];
    return [{ name, gid: Number(gid), members: (members ?? '').split(',').filter((each) => each !== '') }];
  });
}

function lines(file: string): string[] {
  if (!existsSync(file))
    throw new Failure('accounts-missing', file, 'is not there', {
      hint: 'name the folder that has passwd and group with --accounts-from',
    });
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}
