/** What is used of the package; its own declarations are a hundred times as long and need the types of a browser. */
declare module 'z3-solver' {
  export function init(): Promise<{
    readonly Z3: {
      mk_config(): unknown;
      del_config(config: unknown): void;
      mk_context(config: unknown): unknown;
      del_context(context: unknown): void;
      eval_smtlib2_string(context: unknown, script: string): Promise<string>;
    };
    readonly em: { readonly PThread: { terminateAllThreads(): void } };
  }>;
}
