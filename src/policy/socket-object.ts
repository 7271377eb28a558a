import type { AddressRange } from './address.js';
import { addressBits, parseRange, rangeText } from './address.js';
import { normalPath } from './paths.js';

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export const PORT_MAX = 65535;
export const ALL_PORTS: PortRange = { from: 0, to: PORT_MAX };

/** What a socket rule speaks of. */
export type SocketObject =
  /** Without an address: every address of both families. */
  | {
      readonly kind: 'internet';
      readonly protocol: 'tcp' | 'udp';
      readonly address: AddressRange | undefined;
      readonly ports: PortRange;
    }
  /** The sockets at a path and below it. */
  | { readonly kind: 'unix'; readonly path: string }
  /** Abstract names of sockets outside the instance; without a name, all of them. */
  | { readonly kind: 'abstract'; readonly name: string | undefined };

export type InternetObject = Extract<SocketObject, { kind: 'internet' }>;

/**
 * Reads what all forms of profiles write: `tcp/110`, `udp/10.0.0.0/8:53`, `tcp/[fd00::]/8:80-90`, `10.0.0.0/8:80` (TCP),
 * `tcp/*`, `*:80`, `*`, `unix:/run/x`, `unix:@name`, `unix:@*`. Otherwise what is wrong with it, as a sentence.
 */
export function parseSocketObject(text: string): SocketObject | string {
  if (text.startsWith('unix:')) return parseUnix(text.slice(5));
  const [, name, rest = ''] = /^(?:(tcp|udp)\/)?(.*)$/s.exec(text) ?? [];
  const protocol = name === 'udp' ? 'udp' : 'tcp';
  if (/^[0-9]+(-[0-9]+)?$/.test(rest)) {
    const ports = parsePorts(rest);
    // A bare number without a protocol is as likely a mistake as a port.
    if (name === undefined) return `${text} has no protocol: write tcp/${text}`;
    return typeof ports === 'string' ? ports : { kind: 'internet', protocol, address: undefined, ports };
  }
  const match = /^(?:(\*)|([0-9.]+(?:\/[0-9]+)?)|\[([0-9a-fA-F:.]+)\](\/[0-9]+)?)(?::(.+))?$/.exec(rest);
  if (match === null) return `${text} does not name a socket`;
  const [, star, v4, v6, v6Prefix = '', portText = '*'] = match;
  const ports = portText === '*' ? ALL_PORTS : parsePorts(portText);
  if (typeof ports === 'string') return ports;
  if (star !== undefined) return { kind: 'internet', protocol, address: undefined, ports };
  const range = v4 ?? `${v6 ?? ''}${v6Prefix}`;
  const address = parseRange(range);
  if (address === undefined)
    return `${range} is not an address, or has bits beyond its prefix, or a prefix that it cannot have`;
  if (address.value === 0n && address.prefix === addressBits(address.family))
    return `${range} stands for whichever address the kernel takes: write ${protocol}/PORT`;
  return { kind: 'internet', protocol, address, ports };
}

function parsePorts(text: string): PortRange | string {
  const [, first, last] = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text) ?? [];
  const from = Number(first ?? Number.NaN);
  const to = last === undefined ? from : Number(last);
  if (!(from <= PORT_MAX && to <= PORT_MAX)) return `${text} is not a port from 0 to ${PORT_MAX}`;
  return from <= to ? { from, to } : `no port lies from ${from} to ${to}`;
}

function parseUnix(name: string): SocketObject | string {
  if (name === '@*') return { kind: 'abstract', name: undefined };
  if (name.startsWith('@')) {
    const bytes = Buffer.byteLength(name.slice(1));
    // sun_path holds 108 bytes, of which the first is the zero that the @ stands for.
    if (bytes === 0 || bytes > 107) return `unix:${name} is not an abstract name of 1 to 107 bytes`;
    return { kind: 'abstract', name: name.slice(1) };
  }
  const path = normalPath(name);
  if (path === undefined) return `unix:${name} has no absolute path`;
  if (path !== name) return `unix:${name} is not in its shortest form: write unix:${path}`;
  if (name.includes('*')) return `unix:${name} is a pattern; a path rules all below it`;
  return { kind: 'unix', path };
}

/** The one canonical text of an object; reading it gives the object again. */
export function socketText(object: SocketObject): string {
  if (object.kind === 'unix') return `unix:${object.path}`;
  if (object.kind === 'abstract') return `unix:@${object.name ?? '*'}`;
  const { protocol, address, ports } = object;
  const port = portsText(ports);
  if (address === undefined) return `${protocol}/${port}`;
  return `${protocol}/${rangeText(address)}${port === '*' ? '' : `:${port}`}`;
}

export function portsText({ from, to }: PortRange): string {
  if (from === ALL_PORTS.from && to === ALL_PORTS.to) return '*';
  return from === to ? `${from}` : `${from}-${to}`;
}
