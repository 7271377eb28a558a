/** A special form as the reference shows it; its operands are not all evaluated, unlike those of a function. */
export interface SpecialForm {
  readonly name: string;
  readonly operands: string;
  readonly summary: string;
}

const form = (name: string, operands: string, summary: string): SpecialForm => ({ name, operands, summary });

/** Forms of the language proper. */
export const LANGUAGE_FORMS: readonly SpecialForm[] = [
  form('define', 'NAME VALUE | (NAME PARAMETER ...) BODY ...', 'names a value or a function'),
  form('define-macro', '(NAME PARAMETER ...) TEMPLATE', 'names a form that is written out where it is used'),
  form('include', '"FILE"', 'reads a library, once'),
  form('let', '(NAME VALUE ...) BODY ...', 'names values for the body, one after the other'),
  form('if', 'TEST THEN [ELSE]', 'one of two'),
  form('cond', '(TEST BODY ...) ... (else BODY ...)', 'the first whose test holds'),
  form('and', 'TEST ...', 'whether all hold'),
  form('or', 'TEST ...', 'whether one holds'),
  form('begin', 'FORM ...', 'one after the other; the value of the last'),
  form('lambda', '(PARAMETER ...) BODY ...', 'a function without a name, for the forms below'),
  form('map', 'FUNCTION LIST', 'the list of what it gives for each item'),
  form('filter', 'FUNCTION LIST', 'the items for which it holds'),
  form('fold', 'FUNCTION START LIST', 'what is left after it joined the start with one item after the other'),
  form('for-each', 'FUNCTION LIST', 'calls it with each item, for the rules that it makes'),
  form('every?', 'FUNCTION LIST', 'whether it holds for all items'),
  form('some?', 'FUNCTION LIST', 'whether it holds for one'),
];

/** Statements of a profile. */
export const PROFILE_FORMS: readonly SpecialForm[] = [
  form('vxed', '1', 'the version of the format; first in a profile'),
  form('name', 'NAME', "the profile's name, that of the file"),
  form('description', 'STRING', 'one line'),
  form('type', 'strict | filesystem', 'whether every permitted call is named, or files alone are ruled'),
  form('program', 'PATH', 'the program that the profile is for'),
  form('file', 'PATH ACCESS ...', 'what may be done with a path, or with each of a list of paths, and below'),
  form('files', '(PATH ACCESS ...) ...', 'several of these'),
  form(
    'file-when',
    'FOLDER PREDICATE ACCESS ...',
    'what may be done with each path in and below the folder for which the predicate holds; there it is called path',
  ),
  form('interface', 'host | none | loopback', 'the network that there is'),
  form('accept', 'tcp/PORT | udp/PORT ...', 'ports that may be bound'),
  form('connect', 'tcp/PORT | udp/PORT ...', 'ports that may be connected to'),
  form(
    'socket',
    'SOCKET ACCESS ...',
    'all that may be done with an address, range, or unix socket: accept, connect, send, none',
  ),
  form('sockets', '(SOCKET ACCESS ...) ...', 'several of these'),
  form(
    'exec',
    'once | any | PATH ...',
    'whether more than the launch itself may execute a program, and which',
  ),
  form('signal', 'instance | none', 'whom signals may be sent to'),
  form('trace', 'instance | none', 'whom ptrace and its like may be used on'),
  form('namespaces', 'NAMESPACE ...', 'what clone and unshare may make'),
  form('descriptors', 'stdio | listen ...', "which of the launcher's descriptors the program gets"),
  form('capabilities', 'CAPABILITY ...', 'the bounding set'),
  form('limit', 'RESOURCE N', 'a resource limit'),
  form('limits', '(RESOURCE N) ...', 'several of these'),
  form('resource', 'RESOURCE AMOUNT', 'a limit on the whole instance: memory, swap, pids, cpu, io'),
  form('resources', '(RESOURCE AMOUNT) ...', 'several of these'),
  form('services', 'SERVICE ...', 'what the supervisor relays: syslog, notify'),
  form('permit', 'CALL ...', 'calls that are permitted with any arguments'),
  form('permit-when', 'CALL PREDICATE ...', 'a call that is permitted where one of the predicates holds'),
  form('quiet', 'CALL ERRNO [PREDICATE ...]', 'refused on purpose and not recorded; wins over what permits'),
  form(
    'after',
    'CALL [PREDICATE ...]',
    'a call that is told when it has been performed, with its result, where one of the predicates holds',
  ),
  form('accept-unenforced', 'RULE ...', 'rules that the administrator accepts as not enforced'),
];
