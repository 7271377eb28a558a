import { Command } from '@oclif/core/command';
import { hostSurroundings, type Places, placesOf } from '../../bundle/index.js';
import { plainText } from '../../common/index.js';
import { Interrupted } from './errors.js';
import { type Progress, progressOn } from './progress.js';

/** What every verb of the authoring side shares: --json, the folders, progress, and a clean end on signals. */
export abstract class VxeCommand extends Command {
  static override enableJsonFlag = true;

  protected places(): Places {
    return placesOf(hostSurroundings());
  }

  /** What is shown may quote what a confined program chose. */
  override log(message = ''): void {
    super.log(plainText(message));
  }

  protected progress(thing: string): Progress {
    return progressOn(process.stderr, thing);
  }

  /** Errors are printed in one place, bin/vxe-author.js; here they only pass. */
  protected override async catch(error: Error): Promise<unknown> {
    throw error;
  }

  /** Runs work that a signal aborts; the work cleans up after itself before the process ends. */
  protected async interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    const handlers = signals.map((name) => [name, () => controller.abort(new Interrupted(name))] as const);
    for (const [name, handler] of handlers) process.on(name, handler);
    try {
      return await work(controller.signal);
    } catch (error) {
      if (controller.signal.aborted) throw controller.signal.reason;
      throw error;
    } finally {
      for (const [name, handler] of handlers) process.off(name, handler);
    }
  }
}
