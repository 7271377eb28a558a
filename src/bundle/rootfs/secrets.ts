import { posix } from 'node:path';
import { Failure } from '../failure.js';

// A bundle is copied, shipped and read by others; what must not be is refused by its place and by its content.
const PATHS: readonly RegExp[] = [
  /^\/etc\/(g?shadow-?|master\.passwd|opasswd|security\/opasswd)$/,
  /^\/etc\/ssh\/ssh_host_.*_key$/,
  /^\/etc\/ssl\/private\//,
  /^\/etc\/(krb5\.keytab|sudoers|machine-id)$/,
  /\/\.(ssh|gnupg|aws|kube)\//,
];
const NAMES: readonly RegExp[] = [
  /\.(key|keytab|p12|pfx|jks|kdbx|ppk)$/i,
  /^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$/,
  /^\.(netrc|pgpass|my\.cnf|htpasswd|git-credentials)$/,
];
const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----/;
const CRYPTED = /(^|[:\s"'=])\$(1|2[abxy]?|5|6|7|y|gy|argon2i?d?)\$[^\s:]{8,}/m;
const MAX_TEXT = 1024 * 1024;

/** Why a path or its content is a secret; undefined when it is none. */
export function secretIn(path: string, content: Buffer | undefined): string | undefined {
  const name = posix.basename(path);
  if (PATHS.some((each) => each.test(path)) || NAMES.some((each) => each.test(name)))
    return 'it is where secrets are kept';
  if (
    content === undefined ||
    content.length > MAX_TEXT ||
    content.subarray(0, 4).toString('latin1') === '\x7fELF'
  )
    return undefined;
  const text = content.toString('latin1');
  if (PRIVATE_KEY.test(text)) return 'it holds a private key';
  if (CRYPTED.test(text)) return 'it holds a hashed password';
  return undefined;
}

export function refuseSecret(path: string, content: Buffer | undefined): void {
  const why = secretIn(path, content);
  if (why !== undefined)
    throw new Failure('secret', path, `may not be copied into a bundle: ${why}`, {
      hint: 'mount it instead (mounts in the recipe, or --mount)',
    });
}
