import type { SourceSpan } from '../../common/index.js';
import type { ArgumentTest, CallContext, CallRule } from '../../policy/index.js';
import { completeCalls, constantValue, equals, signatureOf } from '../../policy/index.js';

/**
 * `socket audit none`: the socket to the kernel's audit is refused as on a kernel that has none, and not recorded. PAM goes on
 * then, and takes any other refusal for a failure. What VXE says of sockets in every such profile stays as it is.
 */
export function auditRule(context: CallContext, span: SourceSpan): CallRule | undefined {
  const socket = completeCalls(context, span, new Map()).get('socket');
  const tests = [isConstant('domain', 'AF_NETLINK'), isConstant('protocol', 'NETLINK_AUDIT')];
  if (socket === undefined || !tests.every((test) => test !== undefined)) return undefined;
  return { ...socket, quiet: [{ tests, errno: 'EPROTONOSUPPORT', span }, ...socket.quiet], span };
}

function isConstant(name: string, constant: string): ArgumentTest | undefined {
  const argument = signatureOf('socket')?.find((candidate) => candidate.name === name);
  const value = constantValue(constant);
  if (argument === undefined || value === undefined) return undefined;
  const { index, width } = argument;
  return { index, name, width, condition: equals(value, width), text: constant };
}
