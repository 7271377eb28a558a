import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as Args from '@oclif/core/args';
import { compileProfiles, Failure } from '../bundle/index.js';
import { VxeError } from '../common/index.js';
import { type Finding, findings, type KernelFacts, rightsOf } from '../lowering/index.js';
import { kernelFacts } from '../native/index.js';
import { VxeCommand } from './support/base.js';
import { bundleNamed, profilesNamed } from './support/named.js';
import { table } from './support/output.js';
import { loweringTarget } from './support/target.js';

interface Report {
  readonly kernel: string;
  readonly user: number;
  readonly findings: readonly Finding[];
  /** Of the bundle or profile that was asked for. */
  readonly name?: string;
  readonly starts?: boolean;
  readonly problems?: readonly string[];
}

export default class Doctor extends VxeCommand {
  static override summary =
    'Show what this kernel and user can enforce, and what the lack of each part costs';
  static override description =
    'Every part is tried, not looked up. With NAME, the exit code says whether that bundle or profile would start here: 0 if it would. Without, ' +
    'whether anything would. Nothing on the host is changed.';
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor popd'];
  static override args = {
    name: Args.string({
      description: 'a bundle, a profile that has no bundle of its name, or the file of one',
    }),
  };

  async run(): Promise<Report> {
    const { args } = await this.parse(Doctor);
    const facts = kernelFacts();
    const all = findings(facts);
    const { kernel, user } = facts;
    this.log(`Linux ${kernel}, as user ${user}`);
    const rows = all.map((each) => [
      each.feature,
      each.usable ? 'yes' : 'no',
      each.usable ? '' : `${each.why}: ${each.cost}`,
    ]);
    this.log(table(['part', 'usable', 'what its lack costs'], rows));
    const lacking = all
      .filter((each) => each.required && !each.usable)
      .map((each) => `${each.feature}: ${each.why}`);
    if (args.name === undefined) {
      if (lacking.length > 0) process.exitCode = 1;
      return { kernel, user, findings: all };
    }
    const problems = [...lacking, ...this.#problems(args.name, facts)];
    const starts = problems.length === 0;
    this.log(starts ? `\n${args.name}: would start here` : `\n${args.name}: would not start here`);
    for (const problem of problems) this.log(`  ${problem}`);
    if (!starts) process.exitCode = 1;
    return { kernel, user, findings: all, name: args.name, starts, problems };
  }

  #problems(name: string, facts: KernelFacts): readonly string[] {
    const bundle = bundleNamed(name, this.places());
    if (bundle !== undefined) return bundleProblems(bundle, facts);
    try {
      compileProfiles(profilesNamed(name, this.places()), loweringTarget());
      return [];
    } catch (error) {
      if (error instanceof Failure || !(error instanceof VxeError)) throw error;
      // Each with what to do about it, and without the lines that it is about.
      return error.message
        .split('\n')
        .filter((line) => !/^ {2}[^=]/.test(line))
        .join('\n')
        .replaceAll('\n  = ', '; ')
        .split('\n');
    }
  }
}

/** What a bundle's config.json asks of a kernel, as far as a kernel can lack it. */
interface Asked {
  readonly process?: {
    readonly landlock?: {
      readonly ruleset?: {
        readonly handledAccessFS?: readonly string[];
        readonly handledAccessNet?: readonly string[];
        readonly scoped?: readonly string[];
      };
    };
  };
  readonly linux?: {
    readonly namespaces?: readonly { readonly type: string; readonly path?: string }[];
    readonly resources?: { readonly unified?: object; readonly blockIO?: object } & Readonly<
      Record<string, unknown>
    >;
  };
}

function bundleProblems(bundle: string, facts: KernelFacts): readonly string[] {
  const file = join(bundle, 'config.json');
  let asked: Asked;
  try {
    asked = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new Failure('bundle-broken', file, 'cannot be read', {
      hint: 'create the bundle again with --replace',
    });
  }
  const ruleset = asked.process?.landlock?.ruleset ?? {};
  const known = rightsOf(facts.landlockAbi);
  const rights = [
    ...lacking(ruleset.handledAccessFS, known.fs),
    ...lacking(ruleset.handledAccessNet, known.net),
    ...lacking(ruleset.scoped, known.scoped),
  ].map(
    (right) => `landlock:${right}: the bundle was made for a newer kernel; create it again with --replace`,
  );
  const namespaces = (asked.linux?.namespaces ?? [])
    .filter(({ type, path }) => path === undefined && facts.trials[`namespace:${type}`] !== 'yes')
    .map(({ type }) => `namespace:${type}: cannot be made here`);
  const { unified, blockIO, ...others } = asked.linux?.resources ?? {};
  const files = Object.keys(unified ?? {}).map((file) => file.slice(0, file.indexOf('.')));
  const controllers = new Set([...Object.keys(others), ...files, ...(blockIO === undefined ? [] : ['io'])]);
  const limits = [...controllers]
    .map((name) => `cgroup:${name}`)
    .filter((name) => facts.trials[name] !== undefined && facts.trials[name] !== 'yes')
    .map((name) => `${name}: the bundle sets a limit that no controller here holds`);
  return [...rights, ...namespaces, ...limits];
}

function lacking(asked: readonly string[] | undefined, known: readonly string[]): readonly string[] {
  return (asked ?? []).filter((right) => !known.includes(right));
}
