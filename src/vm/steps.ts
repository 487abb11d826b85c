/**
 * Step records read back (layout: TRACE in contract/memory.ts), and the registers of all frames, folded from them: the state before step k
 * is the fold of the records 0 to k - 1.
 */

import { localCallTarget } from '../cfg/functions.ts';
import { STACK, TRACE } from '../contract/memory.ts';
import type { Instruction } from '../isa/instruction.ts';
import { CALL_SOURCE, OPCODES } from '../isa/opcodes.ts';
import { HELPER } from '../spec/helper-numbers.ts';
import type { GuestMemory } from './guest-memory.ts';
import { DEAD_REGISTER } from './translate/context.ts';
import { writtenRegister } from './written-register.ts';

const PROGRAM_MASK = 0xffff;

/** What a program's records need to be understood. */
export interface StepProgram {
  readonly instructions: readonly Instruction[];
  readonly frameBytes: ReadonlyMap<number, number>;
}

/** One frame of calls: registers are pairs of 32-bit words, low word first, r0 to r10. */
interface Frame {
  program: number;
  /** First slot of the function. */
  function: number;
  readonly words: Uint32Array;
}

const REGISTERS = 11;
const FRAME_POINTER = 10;

type Effect =
  | { readonly kind: 'register'; readonly register: number }
  | { readonly kind: 'helper' }
  | { readonly kind: 'packet_load' }
  | { readonly kind: 'tail_call' }
  | { readonly kind: 'call'; readonly target: number }
  | { readonly kind: 'exit' }
  | undefined;

function effectOf(instruction: Instruction): Effect {
  const row = OPCODES[instruction.opcode];
  if (row?.kind === 'exit') return { kind: 'exit' };
  if (row?.kind === 'call') {
    if (instruction.src === CALL_SOURCE.FUNCTION) return { kind: 'call', target: localCallTarget(instruction) };
    return { kind: instruction.imm === HELPER.tail_call ? 'tail_call' : 'helper' };
  }
  if (row?.kind === 'load_packet') return { kind: 'packet_load' };
  const register = writtenRegister(instruction);
  return register === undefined ? undefined : { kind: 'register', register };
}

/** What every invocation starts with. */
export interface InvocationStart {
  readonly entry: number;
  readonly context: number;
  /** r2 of a raw program; undefined for the other types. */
  readonly rawLength: number | undefined;
}

export class RegisterFold {
  readonly #effects: readonly (readonly Effect[])[];
  readonly #frameBytes: readonly ReadonlyMap<number, number>[];
  readonly #start: InvocationStart;
  readonly #memory: GuestMemory;
  #frames: Frame[] = [];
  /** The last invocation has ended; the next record begins another. */
  #ended = false;

  constructor(memory: GuestMemory, programs: readonly StepProgram[], start: InvocationStart) {
    this.#memory = memory;
    this.#start = start;
    this.#frameBytes = programs.map((program) => program.frameBytes);
    this.#effects = programs.map((program) => {
      const effects: Effect[] = [];
      for (const instruction of program.instructions) effects[instruction.pc] = effectOf(instruction);
      return effects;
    });
    this.#begin();
  }

  #begin(): void {
    const frame: Frame = { program: this.#start.entry, function: 0, words: new Uint32Array(2 * REGISTERS) };
    this.#frames = [frame];
    this.#ended = false;
    this.#startProgram(frame, STACK.BASE);
  }

  #startProgram(frame: Frame, framePointer: number): void {
    frame.words.fill(0);
    frame.words[2] = this.#start.context;
    if (this.#start.rawLength !== undefined) frame.words[4] = this.#start.rawLength;
    frame.words[2 * FRAME_POINTER] = framePointer;
  }

  /** The innermost frame's registers in front of the next record: pairs of 32-bit words, low word first. */
  registers(): Uint32Array {
    if (this.#ended) this.#begin();
    return this.#frames[this.#frames.length - 1]!.words;
  }

  /** Takes in `count` records from `address` on. */
  records(address: number, count: number): void {
    for (let at = address; at < address + count * TRACE.RECORD_BYTES; at += TRACE.RECORD_BYTES) this.record(at);
  }

  /** Takes in the record at an address. */
  record(at: number): void {
    if (this.#ended) this.#begin();
    const words = this.#memory.words;
    const word = at >>> 2;
    const head = words[word]!;
    const effect = this.#effects[words[word + 1]! & PROGRAM_MASK]?.[head & TRACE.PC_MASK];
    // The bits above the pc: the step was cut short.
    if (effect === undefined || head > TRACE.PC_MASK) return;
    this.#apply(effect, words[word + TRACE.VALUE / 4]!, words[word + TRACE.VALUE / 4 + 1]!);
  }

  #apply(effect: NonNullable<Effect>, low: number, high: number): void {
    const frame = this.#frames[this.#frames.length - 1]!;
    switch (effect.kind) {
      case 'register':
        frame.words[2 * effect.register] = low;
        frame.words[2 * effect.register + 1] = high;
        return;
      case 'helper':
        this.#kill(frame, 1);
        frame.words[0] = low;
        frame.words[1] = high;
        return;
      case 'packet_load':
        // A value has 32 bits; anything else is a load out of range, which returns 0 from its function.
        this.#kill(frame, 1);
        frame.words[0] = high === 0 ? low : 0;
        frame.words[1] = 0;
        if (high !== 0) this.#exit(0, 0);
        return;
      case 'tail_call':
        if (low === 0) this.#kill(frame, 0);
        else {
          frame.program = low - 1;
          frame.function = 0;
          this.#startProgram(frame, frame.words[2 * FRAME_POINTER]!);
        }
        return;
      case 'call':
        this.#call(frame, effect.target, low);
        return;
      case 'exit':
        this.#exit(low, high);
    }
  }

  #kill(frame: Frame, first: number): void {
    for (let register = first; register <= 5; register++) {
      frame.words[2 * register] = DEAD_REGISTER;
      frame.words[2 * register + 1] = 0;
    }
  }

  #call(frame: Frame, target: number, framePointer: number): void {
    const words = new Uint32Array(2 * REGISTERS);
    words.set(frame.words.subarray(2, 12), 2);
    words[2 * FRAME_POINTER] = framePointer;
    this.#frames.push({ program: frame.program, function: target, words });
  }

  #exit(low: number, high: number): void {
    if (this.#frames.length === 1) {
      this.#ended = true;
      return;
    }
    this.#frames.pop();
    const caller = this.#frames[this.#frames.length - 1]!;
    this.#kill(caller, 1);
    caller.words[0] = low;
    caller.words[1] = high;
  }

  /** Innermost frame first: its program, the first slot of its function, bytes of stack below its r10, r0 to r10. */
  frames(): { program: number; function: number; bytes: number; registers: bigint[] }[] {
    return this.#frames
      .map((frame) => ({
        program: frame.program,
        function: frame.function,
        bytes: this.#frameBytes[frame.program]?.get(frame.function) ?? 0,
        registers: Array.from(
          { length: REGISTERS },
          (_, register) => (BigInt(frame.words[2 * register + 1]!) << 32n) | BigInt(frame.words[2 * register]!),
        ),
      }))
      .reverse();
  }
}
