import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Failure, findLibrary } from '../bundle/index.js';
import { diagnosticsError, type SourceFile, unwrap } from '../common/index.js';
import { type Answer, LispSession, parseRecordedCall, type RecordedCall } from '../language/index.js';
import { VxeCommand } from './support/base.js';
import { answerText, answerView, runRepl } from './support/repl.js';

export default class Lisp extends VxeCommand {
  static override summary = 'Evaluate vxelisp, and try predicates on recorded calls';
  static override description =
    'Without a file, forms are read line by line, on a terminal with history and completion. ' +
    '(try CALL PREDICATE) tells for which of the recorded calls the predicate holds.';
  static override examples = [
    `<%= config.bin %> lisp --eval '(glob? "/usr/**/*.so" "/usr/lib/x/y.so")'`,
    `<%= config.bin %> lisp --events popd --eval '(try socket (= domain AF_UNIX))'`,
  ];
  static override args = {
    file: Args.string({ ignoreStdin: true, description: 'a text to evaluate, such as a library' }),
  };
  static override flags = {
    eval: Flags.string({
      char: 'e',
      helpValue: 'FORM',
      multiple: true,
      description: 'evaluate this and end',
    }),
    events: Flags.string({
      helpValue: 'INSTANCE',
      description: 'recorded calls: an instance, or the path of a violations.ndjson',
    }),
  };

  async run(): Promise<{ readonly answers: readonly unknown[] }> {
    const { args, flags } = await this.parse(Lisp);
    const events = flags.events === undefined ? [] : this.#events(flags.events);
    const files: SourceFile[] = [];
    const session = new LispSession(events, (path, from) => {
      const found = findLibrary(path, from);
      if (found !== undefined) files.push(found);
      return found;
    });
    const texts = (flags.eval ?? []).map((text) => ({ name: '<eval>', text }));
    if (args.file !== undefined) texts.unshift(textOf(args.file));
    const answers: Answer[] = [];
    for (const text of texts) {
      const given = unwrap(session.answer(text), [...files, text], 2);
      for (const answer of given) this.log(answerText(answer));
      answers.push(...given);
    }
    if (flags.eval === undefined && (args.file === undefined || process.stdin.isTTY)) {
      await runRepl(session, {
        history: join(
          process.env.XDG_STATE_HOME || join(process.env.HOME || '/root', '.local/state'),
          'vxe/lisp_history',
        ),
        print: (text) => this.log(text),
        explain: (diagnostics, text) => diagnosticsError(diagnostics, [...files, text]).message,
        collect: (given) => answers.push(...given),
        recorded: events.length,
      });
    }
    return { answers: answers.map(answerView) };
  }

  #events(name: string): readonly RecordedCall[] {
    const path = name.includes('/') ? name : join(this.places().logs, name, 'violations.ndjson');
    if (!existsSync(path)) {
      throw new Failure('events-missing', path, 'there are no recorded calls', {
        hint: 'name an instance that has run, or the path of a violations.ndjson',
        exit: 2,
      });
    }
    return readFileSync(path, 'utf8')
      .split('\n')
      .map(parseRecordedCall)
      .filter((event) => event !== undefined);
  }
}

function textOf(path: string): SourceFile {
  if (existsSync(path)) return { name: path, text: readFileSync(path, 'utf8') };
  throw new Failure('file-missing', path, 'there is no such file', { hint: 'name a vxelisp text', exit: 2 });
}
