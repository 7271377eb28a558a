import * as Args from '@oclif/core/args';
import { type AuditReport, auditBundle, BundleStore } from '../../bundle/index.js';
import { VxeCommand } from '../support/base.js';
import { size, table } from '../support/output.js';

export default class BundleAudit extends VxeCommand {
  static override summary =
    'List every executable of a bundle and why it is in; fail on one that should not be';
  static override description =
    'Looks at the files themselves: shells, editors, interpreters, copy, transfer, download and debugging tools, compilers and multi-call ' +
    'programs, by name and by content; programs that the recipe did not admit by name; files that changed since the bundle was made. ' +
    'The exit code is 1 if anything is found.';
  static override args = { name: Args.string({ required: true, description: 'the bundle' }) };

  async run(): Promise<AuditReport> {
    const { args } = await this.parse(BundleAudit);
    const report = auditBundle(new BundleStore(this.places().bundles).require(args.name));
    this.log(
      table(
        ['path', 'form', 'from', 'why'],
        report.executables.map((each) => [each.path, each.form, each.from, each.why]),
      ),
    );
    this.log();
    for (const finding of report.findings) this.log(`${finding.kind}: ${finding.path} ${finding.message}`);
    const programs = report.executables.filter(
      (each) => each.form === 'program' || each.form === 'script',
    ).length;
    this.log(
      report.ok
        ? `${report.name}: ${report.files} files, ${size(report.bytes)}, ${programs} program${programs === 1 ? '' : 's'}; nothing is in that was not admitted`
        : `${report.name}: ${report.findings.length} finding${report.findings.length === 1 ? '' : 's'}`,
    );
    if (!report.ok) process.exitCode = 1;
    return report;
  }
}
