/**
 * A plain interpreter of eBPF on BigInt, written from RFC 9669 and from what Linux does at tail calls. It shares nothing with the engine but
 * the decoder's output, and it is slow: it is there to be compared with.
 *
 * Where Linux leaves bytes or registers indeterminate, it has the engine's choice: registers and stack frames start as zeroes.
 */

import type { Instruction } from '../../../src/isa/instruction.ts';
import { arithmetic, atomicValue, byteSwap, compare, isByteSwap, U64 } from './arithmetic.ts';
import { callHelper } from './helpers.ts';
import { createOracleMap, type OracleMap, type OracleMapSetup } from './maps.ts';
import {
  ACCESS,
  type AccessKind,
  OracleMemory,
  type OracleRegion,
  openRegion,
  type Place,
  readNumber,
  writeNumber,
} from './memory.ts';
import { type OracleCode, type OracleResult, type OracleSetup, OracleStop } from './setup.ts';

/** RFC 9669 table 1: the class, in the lower three bits of the opcode. */
const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;
/** §5: the mode, in the upper three bits of a load's or store's opcode. */
const MODE = { IMM: 0x00, ABS: 0x20, IND: 0x40, MEM: 0x60, MEMSX: 0x80, ATOMIC: 0xc0 } as const;
/** §5: the size, in bits 3 and 4. */
const SIZES = [4, 2, 1, 8] as const;
/** §4.3. */
const JUMP = { JA: 0x0, CALL: 0x8, EXIT: 0x9 } as const;
const REGISTER_SOURCE = 0x08;
const TAIL_CALL = 12;
const CALL_FUNCTION = 1;
const FETCH = 1;
const COMPARE_EXCHANGE = 0xf1;
/** Below this lies nothing: an access there is a null dereference. */
const FIRST_ADDRESS = 0x1_0000n;
const MAX_FRAMES = 8;
const MAX_STACK_BYTES = 512;
/** SKF_NET_OFF and SKF_LL_OFF of linux/filter.h. */
const NETWORK_OFFSET = -0x10_0000;
const LINK_OFFSET = -0x20_0000;

/** A program with its instructions by slot and the ends of its functions. */
interface Program {
  readonly slots: readonly (Instruction | undefined)[];
  /** By a function's first slot: one past its last. */
  readonly ends: ReadonlyMap<number, number>;
}

/** One call that has not returned. */
interface Frame {
  readonly program: number;
  /** First slot of the function. */
  readonly start: number;
  readonly end: number;
  readonly registers: bigint[];
  /** Slot to go on at in the calling frame; undefined: the run's own frame. */
  readonly returnTo: number | undefined;
  /** Frames and stack bytes of this program that are in use, this one included. */
  readonly depth: number;
  readonly bytes: number;
}

function prepare(instructions: readonly Instruction[]): Program {
  const slots: (Instruction | undefined)[] = [];
  for (const one of instructions) slots[one.pc] = one;
  const last = instructions.at(-1);
  const count = last === undefined ? 0 : last.pc + (last.nextImm === undefined ? 1 : 2);
  const calls = instructions.filter((one) => one.opcode === 0x85 && one.src === CALL_FUNCTION);
  const starts = [...new Set([0, ...calls.map((one) => one.pc + 1 + one.imm)])].sort((left, right) => left - right);
  return { slots, ends: new Map(starts.map((start, index) => [start, starts[index + 1] ?? count])) };
}

/** Runs one invocation. A guest's fault is in the answer; an exception is a defect of the oracle or an instruction that it does not know. */
export function runOracle(setup: OracleSetup): OracleResult {
  return new Interpreter(setup).run();
}

export class Interpreter {
  readonly setup: OracleSetup;
  readonly memory: OracleMemory;
  readonly maps: readonly OracleMap[];
  readonly #programs: readonly Program[];
  readonly #frames: Frame[] = [];
  readonly #stack: OracleRegion;
  readonly #misses = { index: 0, empty: 0, limit: 0 };
  instructions = 0;
  #tailCalls = 0;
  #frame: Frame;
  #pc = 0;
  #next = 0;

  constructor(setup: OracleSetup) {
    this.setup = setup;
    const { base, limit } = setup.stack;
    this.#stack = openRegion(limit, new Uint8Array(Number(base - limit)), 0);
    this.#stack.permissions.fill(ACCESS.READ | ACCESS.WRITE, this.#stack.bytes.length - MAX_STACK_BYTES);
    this.memory = new OracleMemory([...setup.regions, this.#stack]);
    this.maps = setup.maps.map((map) => createOracleMap(map, this.memory));
    this.#programs = setup.programs.map(prepare);
    this.#frame = this.#programFrame(setup.entry, setup.stack.base, undefined);
  }

  run(): OracleResult {
    let code: OracleCode = 'exit';
    try {
      this.#testPoint();
      while (this.#step());
    } catch (stop) {
      if (!(stop instanceof OracleStop)) throw stop;
      code = stop.code;
    }
    return {
      code,
      r0: code === 'exit' ? this.#frame.registers[0] : undefined,
      instructions: this.instructions,
      last: { program: this.#frame.program, pc: this.#pc },
      tailCalls: this.#tailCalls,
      misses: this.#misses,
      maps: this.maps,
    };
  }

  /** A frame of a function, its stack zeroed and open. */
  #openFrame(parts: Omit<Frame, 'registers' | 'end'>, framePointer: bigint): Frame {
    const [first, last] = this.#frameBytes(parts, framePointer);
    this.#stack.bytes.fill(0, first, last);
    this.#stack.permissions.fill(ACCESS.READ | ACCESS.WRITE, first, last);
    const registers = Array.from({ length: 11 }, () => 0n);
    registers[10] = framePointer;
    const end = this.#programs[parts.program]?.ends.get(parts.start);
    if (end === undefined) throw new Error(`program ${parts.program}: no function starts at slot ${parts.start}`);
    return { ...parts, end, registers };
  }

  /** The first frame of a program: at the start of the run, or in place of the frame that made a tail call. */
  #programFrame(program: number, framePointer: bigint, returnTo: number | undefined): Frame {
    const bytes = this.setup.stack.frame(program, 0).depth;
    const frame = this.#openFrame({ program, start: 0, returnTo, depth: 1, bytes }, framePointer);
    frame.registers[1] = this.setup.context;
    frame.registers[2] = this.setup.secondArgument;
    return frame;
  }

  /** Where the frame's bytes lie in the stack's region: first, and one past the last. */
  #frameBytes({ program, start }: Pick<Frame, 'program' | 'start'>, framePointer: bigint): [number, number] {
    const last = Number(framePointer - this.#stack.base);
    return [last - this.setup.stack.frame(program, start).bytes, last];
  }

  /** What an entry program's frame may be stays open, whoever had a frame there. */
  #closeFrame(): void {
    const [first, last] = this.#frameBytes(this.#frame, this.#frame.registers[10]!);
    const alwaysOpen = this.#stack.bytes.length - MAX_STACK_BYTES;
    if (first < alwaysOpen) this.#stack.permissions.fill(0, first, Math.min(last, alwaysOpen));
  }

  /** Function entries and taken jumps that do not go forward: the only places where a budget ends a run. */
  #testPoint(): void {
    if (this.instructions >= this.setup.limits.instructions) throw new OracleStop('insn_budget');
  }

  /** Executes the instruction at `next`; false: the run's last exit. */
  #step(): boolean {
    const { slots } = this.#programs[this.#frame.program]!;
    const instruction = this.#next >= this.#frame.start && this.#next < this.#frame.end ? slots[this.#next] : undefined;
    if (instruction === undefined) throw new OracleStop('bad_insn');
    this.#pc = this.#next;
    this.#next += instruction.nextImm === undefined ? 1 : 2;
    this.instructions++;
    switch (instruction.opcode & 0x07) {
      case CLASS.ALU:
        this.#arithmetic(instruction, 32);
        return true;
      case CLASS.ALU64:
        this.#arithmetic(instruction, 64);
        return true;
      case CLASS.LD:
        return this.#load(instruction);
      case CLASS.LDX:
        this.#loadMemory(instruction);
        return true;
      case CLASS.ST:
      case CLASS.STX:
        this.#storeMemory(instruction);
        return true;
      default:
        return this.#jump(instruction);
    }
  }

  /** The register or the sign-extended immediate. */
  #source(instruction: Instruction): bigint {
    if ((instruction.opcode & REGISTER_SOURCE) !== 0) return this.#frame.registers[instruction.src]!;
    return BigInt.asUintN(64, BigInt(instruction.imm));
  }

  #arithmetic(instruction: Instruction, width: 32 | 64): void {
    const { registers } = this.#frame;
    const old = registers[instruction.dst]!;
    registers[instruction.dst] = isByteSwap(instruction)
      ? byteSwap(instruction, old)
      : arithmetic(instruction, width, old, this.#source(instruction));
  }

  /** §5.4 and §5.5; false: a packet load out of range has ended the run. */
  #load(instruction: Instruction): boolean {
    const mode = instruction.opcode & 0xe0;
    if (mode !== MODE.IMM) return this.#loadPacket(instruction, mode === MODE.IND);
    const { registers } = this.#frame;
    const { src, dst, imm } = instruction;
    if (src === 0) {
      registers[dst] = (BigInt((instruction.nextImm ?? 0) >>> 0) << 32n) | BigInt(imm >>> 0);
      return true;
    }
    const map = this.setup.maps[imm];
    if (map === undefined || src > 2) throw new Error(`insn ${this.#pc}: lddw with source ${src} of map ${imm}`);
    registers[dst] = src === 1 ? map.handle : map.values + BigInt((instruction.nextImm ?? 0) >>> 0);
    return true;
  }

  /** Offsets below zero are those of the classic BPF. A load out of range returns 0 from the function. */
  #loadPacket(instruction: Instruction, indirect: boolean): boolean {
    const { packet } = this.setup;
    if (packet === undefined) throw new Error(`insn ${this.#pc}: this run has no packet loads`);
    const { registers } = this.#frame;
    if (registers[6] !== this.setup.context) throw new OracleStop('bad_argument');
    const index = indirect ? registers[instruction.src]! : 0n;
    const offset = Number(BigInt.asIntN(32, index + BigInt(instruction.imm)));
    const size = SIZES[(instruction.opcode >> 3) & 3]!;
    let at = -1;
    if (offset >= 0) at = packet.start + offset;
    else if (offset >= NETWORK_OFFSET) at = packet.network + offset - NETWORK_OFFSET;
    else if (offset >= LINK_OFFSET) at = packet.link + offset - LINK_OFFSET;
    this.#kill(1);
    if (at < 0 || at + size > packet.end) {
      registers[0] = 0n;
      return this.#exit();
    }
    let value = 0n;
    for (let byte = 0; byte < size; byte++) value = (value << 8n) | BigInt(packet.bytes[at + byte]!);
    registers[0] = value;
    return true;
  }

  /** Where an access goes; a fault when any of its bytes may not be accessed so. */
  place(address: bigint, size: number, kind: AccessKind): Place {
    const found = this.memory.find(address, size, kind);
    if (found !== undefined) return found;
    if (address < FIRST_ADDRESS) throw new OracleStop('null_deref');
    if (kind === 'read') throw new OracleStop('oob_read');
    throw new OracleStop(this.memory.find(address, size, 'read') === undefined ? 'oob_write' : 'readonly_write');
  }

  #address(register: number, offset: number): bigint {
    return (this.#frame.registers[register]! + BigInt(offset)) & U64;
  }

  #loadMemory(instruction: Instruction): void {
    const size = SIZES[(instruction.opcode >> 3) & 3]!;
    const place = this.place(this.#address(instruction.src, instruction.offset), size, 'read');
    const value = readNumber(place, size);
    const signed = (instruction.opcode & 0xe0) === MODE.MEMSX;
    this.#frame.registers[instruction.dst] = signed ? BigInt.asUintN(64, BigInt.asIntN(size * 8, value)) : value;
  }

  #storeMemory(instruction: Instruction): void {
    const size = SIZES[(instruction.opcode >> 3) & 3]!;
    const atomic = (instruction.opcode & 0xe0) === MODE.ATOMIC;
    const isImmediate = (instruction.opcode & 0x07) === CLASS.ST;
    const { registers } = this.#frame;
    const place = this.place(this.#address(instruction.dst, instruction.offset), size, atomic ? 'atomic' : 'write');
    if (!atomic) {
      writeNumber(place, size, isImmediate ? BigInt(instruction.imm) : registers[instruction.src]!);
      return;
    }
    const old = readNumber(place, size);
    const expected = BigInt.asUintN(size * 8, registers[0]!);
    const source = BigInt.asUintN(size * 8, registers[instruction.src]!);
    writeNumber(place, size, atomicValue(instruction, old, source, expected));
    if (instruction.imm === COMPARE_EXCHANGE) registers[0] = old;
    else if ((instruction.imm & FETCH) !== 0) registers[instruction.src] = old;
  }

  /** §4.3; false: the run is over. */
  #jump(instruction: Instruction): boolean {
    const width = (instruction.opcode & 0x07) === CLASS.JMP ? 64 : 32;
    const code = instruction.opcode >> 4;
    if (code === JUMP.EXIT) return this.#exit();
    if (code === JUMP.CALL) return this.#call(instruction);
    const left = this.#frame.registers[instruction.dst]!;
    if (code !== JUMP.JA && !compare(instruction, width, left, this.#source(instruction))) return true;
    const distance = code === JUMP.JA && width === 32 ? instruction.imm : instruction.offset;
    this.#next += distance;
    if (this.#next <= this.#pc) this.#testPoint();
    return true;
  }

  #exit(): boolean {
    this.#closeFrame();
    const { returnTo, registers } = this.#frame;
    const caller = this.#frames.pop();
    if (caller === undefined || returnTo === undefined) return false;
    caller.registers[0] = registers[0]!;
    this.#frame = caller;
    // Where the caller has come to, should it run past its end now.
    this.#pc = returnTo - 1;
    this.#next = returnTo;
    this.#kill(1);
    return true;
  }

  /** Makes r0 or r1 to r5 what they are when nothing may read them. */
  #kill(first: 0 | 1): void {
    this.#frame.registers.fill(this.setup.deadRegister, first, 6);
  }

  #call(instruction: Instruction): boolean {
    if (instruction.src === CALL_FUNCTION) {
      this.#callFunction(instruction);
      return true;
    }
    if (instruction.src !== 0) throw new Error(`insn ${this.#pc}: call with source ${instruction.src}`);
    if (instruction.imm === TAIL_CALL) {
      this.#tailCall();
      return true;
    }
    const result = callHelper(this, instruction.imm, this.#frame.registers);
    if (result === 'end') {
      this.#frame.registers[0] = 0n;
      return false;
    }
    this.#frame.registers[0] = BigInt.asUintN(64, result);
    this.#kill(1);
    return true;
  }

  #callFunction(instruction: Instruction): void {
    const caller = this.#frame;
    const start = this.#pc + 1 + instruction.imm;
    const { stack } = this.setup;
    this.#testPoint();
    const depth = caller.depth + 1;
    const bytes = caller.bytes + stack.frame(caller.program, start).depth;
    if (depth > MAX_FRAMES) throw new OracleStop('call_depth');
    if (bytes > MAX_STACK_BYTES) throw new OracleStop('stack_overflow');
    const framePointer =
      caller.registers[10]! - BigInt(stack.frame(caller.program, caller.start).bytes + stack.redZone);
    const parts = { program: caller.program, start, returnTo: this.#next, depth, bytes };
    const frame = this.#openFrame(parts, framePointer);
    for (let register = 1; register <= 5; register++) frame.registers[register] = caller.registers[register]!;
    this.#frames.push(caller);
    this.#frame = frame;
    this.#next = start;
  }

  /** tail-calls: index, limit, slot, in this order; only a taken call counts; only the current frame is replaced. */
  #tailCall(): void {
    const { registers, returnTo } = this.#frame;
    const { limits } = this.setup;
    if (registers[1] !== this.setup.context) throw new OracleStop('bad_argument');
    const map = this.setup.maps.find((one) => one.handle === registers[2] && one.kind === 'prog_array');
    if (map === undefined) throw new OracleStop('bad_argument');
    const target = this.#targetOf(map, Number(BigInt.asUintN(32, registers[3]!)));
    if (typeof target !== 'number') {
      this.#misses[target]++;
      this.#kill(0);
      return;
    }
    if (limits.tailCalls !== null && this.#tailCalls >= limits.tailCalls) throw new OracleStop('tail_call_budget');
    this.#tailCalls++;
    this.#testPoint();
    this.#closeFrame();
    this.#frame = this.#programFrame(target, registers[10]!, returnTo);
    this.#next = 0;
  }

  /** The program in the slot, or why the call fails. */
  #targetOf(map: OracleMapSetup, index: number): number | 'index' | 'limit' | 'empty' {
    if (index >= map.maxEntries) return 'index';
    if (this.#tailCalls >= this.setup.limits.maxTailCalls) return 'limit';
    return map.slots?.get(index) ?? 'empty';
  }
}
