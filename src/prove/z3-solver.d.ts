/** What is used of the package; its own declarations are a hundred times as long and need the types of a browser. */
declare module 'z3-solver' {
  /** An object inside z3: a number that only z3 can read. */
  type Handle = number & { readonly z3: unique symbol };

  export function init(): Promise<{
    readonly Z3: {
      global_param_set(name: string, value: string): void;
      mk_config(): Handle;
      del_config(config: Handle): void;
      mk_context(config: Handle): Handle;
      del_context(context: Handle): void;
      get_error_code(context: Handle): number;
      get_error_msg(context: Handle, code: number): string;
      mk_string_symbol(context: Handle, text: string): Handle;
      mk_solver_for_logic(context: Handle, logic: Handle): Handle;
      solver_inc_ref(context: Handle, solver: Handle): void;
      solver_dec_ref(context: Handle, solver: Handle): void;
      solver_from_string(context: Handle, solver: Handle, script: string): void;
      solver_check(context: Handle, solver: Handle): Promise<number>;
      solver_get_reason_unknown(context: Handle, solver: Handle): string;
      solver_get_model(context: Handle, solver: Handle): Handle;
      model_inc_ref(context: Handle, model: Handle): void;
      model_dec_ref(context: Handle, model: Handle): void;
      model_to_string(context: Handle, model: Handle): string;
    };
    readonly em: {
      readonly PThread: {
        readonly runningWorkers: readonly { onmessage: () => void }[];
        readonly unusedWorkers: readonly { onmessage: () => void }[];
        terminateAllThreads(): void;
      };
    };
  }>;
}
