/**
 * A run as the engine takes it: the validated body of POST /v1/runs with its transport encodings (hex, base64) undone and its defaults
 * filled in. Plain data, so that it crosses the thread boundary; guest bytes in it are still unparsed.
 */

export type VerifyMode = 'enforce' | 'report' | 'off';
export type AssemblyDialect = 'llvm' | 'ubpf';
export type Detail = 'summary' | 'chain';

/** Where a program's instructions come from. */
export type ProgramSource =
  | { readonly kind: 'asm'; readonly text: string; readonly dialect: AssemblyDialect }
  | { readonly kind: 'insns'; readonly bytes: Uint8Array }
  /**
   * A program of the tenant by its hash: `form` is what a worker made when it was stored, and only a worker reads it. null: not looked up
   * yet; no run begins with it.
   */
  | { readonly kind: 'stored'; readonly id: string; readonly form: Uint8Array | null };

export interface ProgramRequest {
  readonly name: string;
  readonly type: string;
  readonly attachType: string | null;
  readonly flags: readonly string[];
  readonly license: string;
  readonly source: ProgramSource;
  /** JSON pointer of this program in the request, for problems. */
  readonly pointer: string;
}

/** A map of the request's own (type given), or settings of an object's map of the same name (type not given, or the same). */
export interface MapRequest {
  readonly name: string;
  readonly type: string | null;
  readonly keySize: number | null;
  readonly valueSize: number | null;
  readonly maxEntries: number | null;
  readonly flags: readonly string[];
  readonly frozen: boolean;
  /** prog_array: slot index (decimal text) to program name. */
  readonly slots: Readonly<Record<string, string>>;
  readonly entries: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
  readonly pointer: string;
}

export interface RunInput {
  readonly packet: Uint8Array | null;
  /** Fields by name (values: number, or text in decimal or 0x form), or the context's bytes; null: all defaults. */
  readonly ctx: Readonly<Record<string, number | string>> | Uint8Array | null;
}

export interface Budgets {
  readonly instructions: number;
  readonly tailCalls: number | null;
  readonly wallMs: number;
  readonly memoryBytes: number;
  readonly traceBytes: number;
}

export interface RunSpec {
  /** Whose run it is: nothing that a thread remembers of another tenant's programs is used for it. No part of the runKey. */
  readonly tenant: string;
  readonly object: Uint8Array | null;
  readonly programs: readonly ProgramRequest[];
  readonly maps: readonly MapRequest[];
  readonly entry: string;
  readonly input: RunInput;
  readonly repeat: number;
  /** null: the default of the entry's program type (raw: off, else enforce). */
  readonly verify: VerifyMode | null;
  readonly profile: 'linux-6.18';
  readonly maxTailCalls: number;
  readonly budgets: Budgets;
  /** Decimal text of an unsigned 64-bit number. */
  readonly seed: string;
  readonly detail: Detail;
  readonly returns: { readonly packet: boolean; readonly ctx: boolean; readonly maps: readonly string[] };
}
