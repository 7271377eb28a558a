import test from 'ava';
import { secretIn } from '../../src/bundle/rootfs/secrets.js';

const secrets: readonly [string, string][] = [
  ['/etc/shadow', ''],
  ['/etc/gshadow-', ''],
  ['/etc/ssh/ssh_host_ed25519_key', ''],
  ['/etc/ssl/private/mail.pem', ''],
  ['/etc/krb5.keytab', ''],
  ['/srv/tls/server.key', ''],
  ['/root/.ssh/known_hosts', ''],
  ['/home/u/id_rsa', ''],
  ['/etc/mail.conf', '-----BEGIN RSA PRIVATE KEY-----\nMIIE'],
  ['/etc/x.pem', 'cert\n-----BEGIN PRIVATE KEY-----\n'],
  ['/etc/users', 'alice:$6$abcdefgh$Zm9vYmFyYmF6cXV4:1:0\n'],
  ['/etc/users', 'password = $y$j9T$abcdefgh$0123456789\n'],
];
for (const [path, text] of secrets) {
  test(`a secret: ${path} ${text.slice(0, 16).trim()}`, (t) => t.truthy(secretIn(path, Buffer.from(text))));
}

const plain: readonly [string, string][] = [
  ['/etc/passwd', 'root:x:0:0::/root:/bin/sh\n'],
  ['/etc/pam.d/popa3d', 'auth required pam_unix.so\n'],
  ['/etc/ssl/certs/ca.pem', '-----BEGIN CERTIFICATE-----\n'],
  ['/etc/keys.conf', 'price = $5 or $6\nvar=$1$\n'],
  ['/usr/lib/libcrypt.so.1', '\x7fELF ... $6$rounds=656000$saltsaltsalt'],
];
for (const [path, text] of plain) {
  test(`no secret: ${path}`, (t) => t.is(secretIn(path, Buffer.from(text, 'latin1')), undefined));
}
