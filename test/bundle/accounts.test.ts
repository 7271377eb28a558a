import { readFileSync } from 'node:fs';
import test from 'ava';
import { accountsOf, ownerOf } from '../../src/bundle/accounts.js';
import { Failure } from '../../src/bundle/failure.js';
import type { Recipe } from '../../src/bundle/recipe/index.js';
import { fill, temporary } from './helpers/folders.js';

const PASSWD = `root:SECRET:0:0:root:/root:/bin/bash
alice:$6$salt$hash:70001:70001:Alice Example,,555:/home/alice:/bin/bash
bob:x:70002:70001:Bob:/home/bob:/bin/sh
`;
const GROUP = `root:x:0:
users:x:70001:alice,bob
mail:x:70008:alice,mallory
`;

function recipe(accounts: NonNullable<Recipe['accounts']>): Recipe {
  return { recipe: 1, name: 'x', source: { exec: '/x' }, profile: 'x', program: ['/x'], accounts };
}

test("only the named accounts, with the host's numbers and no password", (t) => {
  const folder = temporary(t);
  fill(folder, { passwd: PASSWD, group: GROUP });
  const accounts = accountsOf(recipe({ users: { alice: null }, groups: { mail: null } }), folder);
  t.is(accounts.passwd, 'alice:x:70001:70001::/home/alice:/bin/bash\n');
  t.is(
    accounts.group,
    'users:x:70001:\nmail:x:70008:alice\n'.replace('users:x:70001:', 'users:x:70001:alice'),
  );
});

test("an account that the host does not have takes the recipe's numbers, or the next free ones below", (t) => {
  const folder = temporary(t);
  fill(folder, { passwd: PASSWD, group: GROUP });
  const users = { daemon1: { uid: 70002, gid: 70100, home: '/var/lib/d' } };
  const accounts = accountsOf(recipe({ users }), folder);
  t.is(accounts.passwd, 'daemon1:x:70000:70100::/var/lib/d:/usr/sbin/nologin\n');
  t.is(accounts.group, 'daemon1:x:70100:\n');
});

test('an account that nobody gives numbers to is an error that names it', (t) => {
  const folder = temporary(t);
  fill(folder, { passwd: PASSWD, group: GROUP });
  const error = t.throws(() => accountsOf(recipe({ users: { carol: null } }), folder), {
    instanceOf: Failure,
  });
  t.is(error?.thing, 'carol');
  t.throws(() => accountsOf(recipe({ groups: { games: null } }), folder), {
    instanceOf: Failure,
    message: /no group/,
  });
});

test('a folder without passwd is an error that names the file', (t) => {
  const folder = temporary(t);
  const error = t.throws(() => accountsOf(recipe({}), folder), { instanceOf: Failure });
  t.is(error?.thing, `${folder}/passwd`);
});

test("owners are the recipe's accounts", (t) => {
  const folder = temporary(t);
  fill(folder, { passwd: PASSWD, group: GROUP });
  const accounts = accountsOf(recipe({ users: { alice: null } }), folder);
  t.deepEqual(ownerOf('alice', accounts, '/x'), { uid: 70001, gid: 70001 });
  t.deepEqual(ownerOf('root:users', accounts, '/x'), { uid: 0, gid: 70001 });
  t.deepEqual(ownerOf(undefined, accounts, '/x'), { uid: 0, gid: 0 });
  t.throws(() => ownerOf('bob', accounts, '/x'), { instanceOf: Failure, message: /bob/ });
});

test('on this host too, nothing but x is in the password field', (t) => {
  const accounts = accountsOf(recipe({ users: { root: null, daemon: null } }), '/etc');
  t.regex(accounts.passwd, /^root:x:0:0::/m);
  t.is(accounts.passwd.split('\n').length, 3);
  t.true(readFileSync('/etc/passwd', 'utf8').split('\n').length > 3);
});
