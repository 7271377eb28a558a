/** What the identifier of a socket rule names. */
export type SocketName =
  | { readonly kind: 'port'; readonly protocol: 'tcp' | 'udp'; readonly port: number }
  | {
      readonly kind: 'address';
      readonly address: string;
      readonly prefix: number;
      readonly port: number | undefined;
    }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'any' };

/** `tcp/110`, `udp/53`, `*:110`, `10.0.0.0/8:80`, `[fd00::]/8:80`, `unix:/run/x`, `*`; undefined for anything else. */
export function socketName(text: string): SocketName | undefined {
  if (text === '*') return { kind: 'any' };
  if (text.startsWith('unix:')) return text.length > 5 ? { kind: 'unix', path: text.slice(5) } : undefined;
  const plain = /^(?:(tcp|udp)\/|\*:)([0-9]{1,5})$/.exec(text);
  if (plain !== null) {
    const port = portOf(plain[2]);
    return port === undefined
      ? undefined
      : { kind: 'port', protocol: plain[1] === 'udp' ? 'udp' : 'tcp', port };
  }
  const ip = /^(?:([0-9.]+)|\[([0-9a-fA-F:.]+)\])(?:\/([0-9]{1,3}))?(?::([0-9]{1,5}|\*))?$/.exec(text);
  if (ip === null) return undefined;
  const [, v4, v6, prefixText, portText] = ip;
  if (v4 !== undefined && !isIpv4(v4)) return undefined;
  if (v6 !== undefined && !isIpv6(v6)) return undefined;
  const most = v4 === undefined ? 128 : 32;
  const prefix = prefixText === undefined ? most : Number(prefixText);
  const port = portText === undefined || portText === '*' ? undefined : portOf(portText);
  if (prefix > most || (port === undefined && portText !== undefined && portText !== '*')) return undefined;
  return { kind: 'address', address: v4 ?? v6 ?? '', prefix, port };
}

function portOf(text: string | undefined): number | undefined {
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return (
    parts.length === 4 && parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)
  );
}

function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}
