/** One function body under construction: a thin, typed face over the byte writer. Knows WebAssembly, nothing of eBPF. */

import { ByteWriter } from './byte-writer.ts';
import { BLOCK_VOID, VALUE_TYPE, type ValueType, WASM, WASM_ATOMIC, WASM_BULK } from './opcodes.ts';

/** Names of the instructions that have no immediate. */
export type PlainInstruction = Exclude<
  keyof typeof WASM,
  | 'block'
  | 'loop'
  | 'if'
  | 'br'
  | 'br_if'
  | 'br_table'
  | 'call'
  | 'call_indirect'
  | 'return_call_indirect'
  | 'local_get'
  | 'local_set'
  | 'local_tee'
  | 'global_get'
  | 'i32_const'
  | 'i64_const'
  | MemoryInstruction
>;

export type MemoryInstruction = Extract<keyof typeof WASM, `${string}_load${string}` | `${string}_store${string}`>;

export class Code {
  readonly #body = new ByteWriter();
  readonly #locals: ValueType[] = [];
  readonly #parameterCount: number;

  constructor(parameterCount: number) {
    this.#parameterCount = parameterCount;
  }

  /** Bytes so far: what a size limit is compared with. */
  get length(): number {
    return this.#body.length;
  }

  /** Declares a local (zero at the function's start) and answers its index. */
  local(type: ValueType): number {
    this.#locals.push(type);
    return this.#parameterCount + this.#locals.length - 1;
  }

  op(...instructions: PlainInstruction[]): this {
    for (const instruction of instructions) this.#body.byte(WASM[instruction]);
    return this;
  }

  i32(value: number): this {
    this.#body.byte(WASM.i32_const);
    this.#body.signed(value);
    return this;
  }

  i64(value: bigint | number): this {
    this.#body.byte(WASM.i64_const);
    if (typeof value === 'number' && (value | 0) === value) this.#body.signed(value);
    else this.#body.signed64(BigInt(value));
    return this;
  }

  get(local: number): this {
    this.#body.byte(WASM.local_get);
    this.#body.unsigned(local);
    return this;
  }

  set(local: number): this {
    this.#body.byte(WASM.local_set);
    this.#body.unsigned(local);
    return this;
  }

  tee(local: number): this {
    this.#body.byte(WASM.local_tee);
    this.#body.unsigned(local);
    return this;
  }

  globalGet(index: number): this {
    this.#body.byte(WASM.global_get);
    this.#body.unsigned(index);
    return this;
  }

  /** A load or store at the address on the stack plus `offset`; alignment is only a hint and left at 1 byte. */
  memory(instruction: MemoryInstruction, offset = 0): this {
    this.#body.byte(WASM[instruction]);
    this.#body.unsigned(0);
    this.#body.unsigned(offset);
    return this;
  }

  /** i32.atomic.load: the address plus offset must be 4-byte aligned. */
  atomicLoad(offset = 0): this {
    this.#body.byte(0xfe);
    this.#body.unsigned(WASM_ATOMIC.i32_atomic_load);
    this.#body.unsigned(2);
    this.#body.unsigned(offset);
    return this;
  }

  /** memory.fill: address, byte value and length are on the stack. */
  fill(): this {
    this.#body.byte(0xfc);
    this.#body.unsigned(WASM_BULK.memory_fill);
    this.#body.byte(0);
    return this;
  }

  block(): this {
    this.#body.byte(WASM.block);
    this.#body.byte(BLOCK_VOID);
    return this;
  }

  loop(): this {
    this.#body.byte(WASM.loop);
    this.#body.byte(BLOCK_VOID);
    return this;
  }

  if(result?: ValueType): this {
    this.#body.byte(WASM.if);
    this.#body.byte(result === undefined ? BLOCK_VOID : VALUE_TYPE[result]);
    return this;
  }

  br(depth: number): this {
    this.#body.byte(WASM.br);
    this.#body.unsigned(depth);
    return this;
  }

  brIf(depth: number): this {
    this.#body.byte(WASM.br_if);
    this.#body.unsigned(depth);
    return this;
  }

  /** br_table over `depths`, with the last one as default. */
  brTable(depths: readonly number[]): this {
    this.#body.byte(WASM.br_table);
    this.#body.unsigned(depths.length - 1);
    for (const depth of depths) this.#body.unsigned(depth);
    return this;
  }

  call(functionIndex: number): this {
    this.#body.byte(WASM.call);
    this.#body.unsigned(functionIndex);
    return this;
  }

  /** call_indirect through table 0. */
  callIndirect(typeIndex: number): this {
    this.#body.byte(WASM.call_indirect);
    this.#body.unsigned(typeIndex);
    this.#body.unsigned(0);
    return this;
  }

  /** return_call_indirect through table 0. */
  returnCallIndirect(typeIndex: number): this {
    this.#body.byte(WASM.return_call_indirect);
    this.#body.unsigned(typeIndex);
    this.#body.unsigned(0);
    return this;
  }

  /** Writes the finished body (locals, instructions, end) behind its size. */
  emit(out: ByteWriter): void {
    const whole = new ByteWriter();
    const groups: { type: ValueType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = groups.at(-1);
      if (last?.type === type) last.count++;
      else groups.push({ type, count: 1 });
    }
    whole.unsigned(groups.length);
    for (const group of groups) {
      whole.unsigned(group.count);
      whole.byte(VALUE_TYPE[group.type]);
    }
    whole.bytes(this.#body.view());
    whole.byte(WASM.end);
    out.unsigned(whole.length);
    out.bytes(whole.view());
  }
}
