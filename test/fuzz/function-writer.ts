/**
 * Writes one function of a generated program. What it writes passes Linux's verifier in most cases: registers are set before they are read,
 * loops are counted, pointers are checked. With `unsafe` it also writes what the verifier would refuse and the engine must stop.
 */

import type { MapSpec } from '../../src/spec/object.ts';
import {
  CONTEXT,
  COUNTER,
  FRAME,
  InstructionWriter,
  type Kind,
  OPCODE,
  POINTER,
  rowsOf,
  SAVED_NUMBER,
  type Window,
} from './instruction-writer.ts';

const ALU = rowsOf('alu');
const ENDIAN = rowsOf('endian');
const JUMPS = rowsOf('jump');
const PACKET_LOADS = rowsOf('load_packet');

const NUMBERS_BYTES = 64;
/** Of a function with a small frame: its callees' frames then lie where another program of the chain has its own. */
const FEW_NUMBERS_BYTES = 8;
const KEY = -72;
const VALUE = -96;
const HELPER = { LOOKUP: 1, UPDATE: 2, DELETE: 3, KTIME: 5, RANDOM: 7, CPU: 8, TAIL_CALL: 12 } as const;
/** SKF_NET_OFF and SKF_LL_OFF. */
const NETWORK_OFFSET = -0x10_0000;
const LINK_OFFSET = -0x20_0000;
const MAX_NESTING = 3;
const MAX_ROUNDS = 6;

export class FunctionWriter extends InstructionWriter {
  #nesting = 0;
  #inLoop = false;
  readonly #numbersBytes = this.random.chance(25) ? FEW_NUMBERS_BYTES : NUMBERS_BYTES;

  /** The whole function, from its label to its exit. */
  write(label: number): void {
    const { signature, length, isEntry } = this.settings;
    this.place(label);
    this.live = new Set(isEntry ? [] : signature === 'numbers' ? [1, 2, 3, 4, 5] : [2, 3, 4, 5]);
    if (signature === 'context') this.emit(OPCODE.MOV_REG, { dst: CONTEXT, src: 1 });
    if (signature === 'address') this.#useAddress();
    for (const register of [0, 1, 2, 3, 4, 5, SAVED_NUMBER]) {
      if (!this.live.has(register) || this.random.chance(30)) this.setNumber(register);
    }
    for (let offset = -8; offset >= -this.#numbersBytes; offset -= 8) {
      this.emit(OPCODE.STORE_IMM, { dst: FRAME, offset, imm: this.random.immediate() });
    }
    for (let statement = 0; statement < length; statement++) this.#statement();
    this.#leave();
  }

  /** Everything that is known flows into r0. */
  #leave(): void {
    if (!this.live.has(0)) this.setNumber(0);
    for (const register of this.live) {
      if (register !== 0) this.emit(this.random.pick([0x0f, 0xaf]), { dst: 0, src: register });
    }
    this.emit(OPCODE.EXIT);
  }

  #statement(): void {
    const { signature, maps, callees, unsafe, packetLoads, deterministic, isEntry } = this.settings;
    const hasContext = signature === 'context';
    const choices: (readonly [weight: number, write: () => void])[] = [
      [30, () => this.#arithmetic()],
      [4, () => this.#byteSwap()],
      [4, () => this.setNumber(this.random.pick([0, 1, 2, 3, 4, 5, SAVED_NUMBER]))],
      [12, () => this.access(this.#stack())],
      [2, () => this.#goto()],
    ];
    if (this.#numbersBytes === NUMBERS_BYTES) choices.push([4, () => this.#variableStack()]);
    if (!deterministic) choices.push([4, () => this.#helper()]);
    if (this.#nesting < MAX_NESTING) {
      choices.push([9, () => this.#branch()]);
      if (!this.#inLoop) choices.push([4, () => this.#loop()]);
    }
    if (maps.some((map) => map.type !== 'prog_array')) choices.push([8, () => this.#map()]);
    if (callees.length > 0) choices.push([6, () => this.#call()]);
    if (hasContext) {
      choices.push([8, () => this.#packet()], [2, () => this.#contextField()]);
      // Linux 6.18 follows a number's way back wrongly through a subprogram that a packet load may leave: at worst it writes outside its memory.
      if (packetLoads && (isEntry || !deterministic)) choices.push([6, () => this.#packetLoad()]);
      if (maps.some((map) => map.type === 'prog_array')) choices.push([4, () => this.#tailCall()]);
    }
    if (unsafe) choices.push([5, () => this.#unsafe()]);
    const total = choices.reduce((sum, [weight]) => sum + weight, 0);
    let at = this.random.below(total);
    for (const [weight, write] of choices) {
      at -= weight;
      if (at < 0) {
        write();
        return;
      }
    }
  }

  #arithmetic(): void {
    const row = this.random.pick(ALU);
    const dst = row.operation === 'mov' ? this.random.pick([0, 1, 2, 3, 4, 5, SAVED_NUMBER]) : this.number();
    const offset = row.signedOffsets.length > 0 && this.random.chance(50) ? this.random.pick(row.signedOffsets) : 0;
    if (row.operation === 'neg') this.emit(row.opcode, { dst });
    else if (row.operand === 'reg') this.emit(row.opcode, { dst, src: this.number(), offset });
    else this.emit(row.opcode, { dst, offset, imm: this.#constant(row) });
    this.live.add(dst);
  }

  /** Linux refuses a division by 0 and a shift by the width or more; both have a meaning when nothing verifies. */
  #constant(row: Kind<'alu'>): number {
    const value = this.random.immediate();
    if (this.settings.unsafe) return value;
    if (row.operation === 'lsh' || row.operation === 'rsh' || row.operation === 'arsh') return value & (row.width - 1);
    return (row.operation === 'div' || row.operation === 'mod') && value === 0 ? 1 : value;
  }

  #byteSwap(): void {
    const row = this.random.pick(ENDIAN);
    this.emit(row.opcode, { dst: this.number(), imm: this.random.pick([16, 32, 64]) });
  }

  #stack(): Window {
    return { register: FRAME, low: -this.#numbersBytes, high: 0, aligned: true, writable: true, atomics: true };
  }

  /**
   * An access at r10 plus a number that only the run knows: number + r10, but r10 + number in a
   * subprogram for Linux, whose verifier takes the first form there for an address in the caller's frame (linux-defects.kernel.test.ts).
   */
  #variableStack(): void {
    if (this.settings.deterministic && !this.settings.isEntry) {
      const masked = this.random.below(6);
      this.#eights(masked);
      this.live.add(masked);
      this.emit(OPCODE.MOV_REG, { dst: POINTER, src: FRAME });
      this.emit(OPCODE.ADD_REG, { dst: POINTER, src: masked });
    } else {
      this.#eights(POINTER);
      this.emit(OPCODE.ADD_REG, { dst: POINTER, src: FRAME });
    }
    this.access({
      register: POINTER,
      low: -NUMBERS_BYTES,
      high: -NUMBERS_BYTES + 8,
      aligned: true,
      writable: true,
      atomics: true,
    });
  }

  /** A number of which only the run knows more than that it is one of 0, 8, … 56. */
  #eights(register: number): void {
    this.emit(OPCODE.MOV_REG, { dst: register, src: this.number() });
    this.emit(OPCODE.AND_IMM, { dst: register, imm: 7 });
    this.emit(OPCODE.LSH_IMM, { dst: register, imm: 3 });
  }

  #helper(): void {
    this.emit(OPCODE.CALL, { imm: this.random.pick([HELPER.KTIME, HELPER.RANDOM, HELPER.CPU]) });
    this.live.add(0);
    this.forget(1);
  }

  #condition(label: number): void {
    const row = this.random.pick(JUMPS);
    const value = row.operand === 'imm' ? { imm: this.random.immediate() } : { src: this.number() };
    this.emitJump(row.opcode, { dst: this.number(), ...value }, label);
  }

  /** Statements whose numbers may not be set afterwards, since they may be jumped over. */
  #block(statements: number): void {
    const before = new Set(this.live);
    this.#nesting++;
    for (let count = 0; count < statements; count++) this.#statement();
    this.#nesting--;
    for (const register of before) if (!this.live.has(register)) before.delete(register);
    this.live = before;
  }

  #branch(): void {
    const other = this.settings.newLabel();
    this.#condition(other);
    const before = new Set(this.live);
    this.#block(this.random.between(1, 3));
    if (this.random.chance(40)) {
      const end = this.settings.newLabel();
      const after = this.live;
      this.#goTo(end);
      this.place(other);
      this.live = before;
      this.#block(this.random.between(1, 3));
      for (const register of this.live) if (!after.has(register)) this.live.delete(register);
      this.place(end);
    } else {
      this.place(other);
    }
  }

  #goTo(label: number): void {
    if (this.random.chance(30)) this.emitJump(OPCODE.GOTO_LONG, {}, label, 'imm');
    else this.emitJump(OPCODE.GOTO, {}, label);
  }

  #goto(): void {
    const label = this.settings.newLabel();
    this.#goTo(label);
    this.place(label);
  }

  /** Numbers that the body forgets must be forgotten before it too: the second round begins with what the first one left. */
  #loop(): void {
    this.emit(OPCODE.MOV_IMM, { dst: COUNTER, imm: this.random.between(1, MAX_ROUNDS) });
    const again = this.settings.newLabel();
    this.place(again);
    for (const register of [0, 1, 2, 3, 4, 5]) this.setNumber(register);
    this.#inLoop = true;
    this.#block(this.random.between(1, 4));
    this.#inLoop = false;
    this.emit(OPCODE.ADD_IMM, { dst: COUNTER, imm: -1 });
    this.emitJump(this.random.pick([OPCODE.JUMP_NOT_EQUAL, 0x56, 0x65]), { dst: COUNTER }, again);
  }

  /** The packet's start and end, one comparison, and accesses behind it. */
  #packet(): void {
    const length = this.random.between(1, 24);
    const skip = this.settings.newLabel();
    this.emit(OPCODE.LOAD_WORD, { dst: POINTER, src: CONTEXT, offset: this.settings.context.data });
    if (!this.settings.unsafe || this.random.chance(70)) {
      this.emit(OPCODE.LOAD_WORD, { dst: 2, src: CONTEXT, offset: this.settings.context.dataEnd });
      this.emit(OPCODE.MOV_REG, { dst: 3, src: POINTER });
      this.emit(OPCODE.ADD_IMM, { dst: 3, imm: length });
      this.live.delete(2);
      this.live.delete(3);
      this.emitJump(OPCODE.JUMP_GREATER, { dst: 3, src: 2 }, skip);
    }
    const before = new Set(this.live);
    const { unsafe } = this.settings;
    const window = { register: POINTER, low: 0, high: length, aligned: false, writable: true, atomics: unsafe };
    for (let count = this.random.between(1, 4); count > 0; count--) this.access(window);
    this.live = before;
    this.place(skip);
    for (const register of [2, 3]) if (!this.live.has(register)) this.setNumber(register);
  }

  #contextField(): void {
    const { readable, writable } = this.settings.context;
    if (writable.length > 0 && this.random.chance(50)) {
      const offset = this.random.pick(writable);
      this.emit(OPCODE.STORE_WORD, { dst: CONTEXT, src: this.number(), offset });
      return;
    }
    const dst = this.random.pick([0, 1, 2, 3, 4, 5, SAVED_NUMBER]);
    this.emit(OPCODE.LOAD_WORD, { dst, src: CONTEXT, offset: this.random.pick(readable) });
    this.live.add(dst);
  }

  /** LD_ABS or LD_IND, near the packet's borders and at the offsets of the classic BPF. */
  #packetLoad(): void {
    const row = this.random.pick(PACKET_LOADS);
    const imm = this.random.pick([0, 0, 0, NETWORK_OFFSET, LINK_OFFSET]) + this.random.between(-1, 40);
    if (row.indirect) {
      const src = this.number();
      if (this.random.chance(70)) this.emit(OPCODE.AND_IMM, { dst: src, imm: 31 });
      this.emit(row.opcode, { src, imm });
    } else {
      this.emit(row.opcode, { imm });
    }
    this.live.add(0);
    this.forget(1);
  }

  #loadMap(register: number, index: number): void {
    this.emit(OPCODE.LDDW, { dst: register, src: 1, imm: index, nextImm: 0 });
  }

  #tailCall(): void {
    const index = this.#pickMap((map) => map.type === 'prog_array');
    if (this.random.chance(50)) this.emit(OPCODE.MOV_IMM, { dst: 3, imm: this.random.between(0, 5) });
    else this.emit(OPCODE.MOV_REG, { dst: 3, src: this.number() });
    if (this.random.chance(50)) this.emit(OPCODE.AND_IMM, { dst: 3, imm: 3 });
    this.emit(OPCODE.MOV_REG, { dst: 1, src: CONTEXT });
    this.#loadMap(2, index);
    this.emit(OPCODE.CALL, { imm: HELPER.TAIL_CALL });
    this.forget(0);
  }

  #pickMap(accept: (map: MapSpec) => boolean): number {
    const { maps } = this.settings;
    return this.random.pick(maps.flatMap((map, index) => (accept(map) ? [index] : [])));
  }

  #map(): void {
    const index = this.#pickMap((map) => map.type !== 'prog_array');
    const map = this.settings.maps[index]!;
    if (map.type === 'array' && map.maxEntries === 1 && this.random.chance(40)) {
      const offset = this.random.below(map.valueSize);
      this.emit(OPCODE.LDDW, { dst: POINTER, src: 2, imm: index, nextImm: offset });
      this.access({
        register: POINTER,
        low: -offset,
        high: map.valueSize - offset,
        aligned: true,
        writable: true,
        atomics: true,
      });
      return;
    }
    this.emit(OPCODE.STORE_IMM, { dst: FRAME, offset: KEY, imm: this.random.between(0, map.maxEntries) });
    const sort = this.random.below(4);
    if (sort < 2) this.#lookup(index, map);
    else if (sort === 2) this.#update(index, map);
    else {
      this.#loadMap(1, index);
      this.address(2, KEY);
      this.emit(OPCODE.CALL, { imm: HELPER.DELETE });
      this.live.add(0);
      this.forget(1);
    }
  }

  #lookup(index: number, map: MapSpec): void {
    this.#loadMap(1, index);
    this.address(2, KEY);
    this.emit(OPCODE.CALL, { imm: HELPER.LOOKUP });
    for (const register of [0, 1, 2, 3, 4, 5]) this.live.delete(register);
    const missing = this.settings.newLabel();
    this.emit(OPCODE.MOV_REG, { dst: POINTER, src: 0 });
    this.emitJump(OPCODE.JUMP_EQUAL, { dst: POINTER }, missing);
    const before = new Set(this.live);
    const window = { register: POINTER, low: 0, high: map.valueSize, aligned: true, writable: true, atomics: true };
    for (let count = this.random.between(1, 3); count > 0; count--) this.access(window);
    this.live = before;
    this.place(missing);
    this.setNumber(0);
  }

  #update(index: number, map: MapSpec): void {
    for (let at = 0; at < map.valueSize; at += 8) {
      const offset = VALUE + at;
      if (this.random.chance(50)) this.emit(OPCODE.STORE_IMM, { dst: FRAME, offset, imm: this.random.immediate() });
      else this.emit(OPCODE.STORE_REG, { dst: FRAME, offset, src: this.number() });
    }
    this.#loadMap(1, index);
    this.address(2, KEY);
    this.address(3, VALUE);
    this.emit(OPCODE.MOV_IMM, { dst: 4, imm: this.random.pick([0, 0, 0, 1, 2, 3]) });
    this.emit(OPCODE.CALL, { imm: HELPER.UPDATE });
    this.live.add(0);
    this.forget(1);
  }

  #call(): void {
    const callee = this.random.pick(this.settings.callees);
    if (callee.signature === 'context' && this.settings.signature !== 'context') return;
    if (callee.signature === 'address' && this.#numbersBytes < NUMBERS_BYTES) return;
    for (let register = 1; register <= 5; register++) if (!this.live.has(register)) this.setNumber(register);
    if (callee.signature === 'context') this.emit(OPCODE.MOV_REG, { dst: 1, src: CONTEXT });
    if (callee.signature === 'address') this.address(1, this.random.pick([-16, -32, -64]));
    this.emitJump(OPCODE.CALL, { src: 1 }, callee.label, 'imm');
    this.live.add(0);
    this.forget(1);
  }

  /** Reads and writes the caller's bytes while r1 still leads there. */
  #useAddress(): void {
    this.emit(OPCODE.MOV_REG, { dst: POINTER, src: 1 });
    const before = this.live;
    const window = { register: POINTER, low: 0, high: 16, aligned: true, writable: true, atomics: true };
    for (let count = this.random.between(1, 4); count > 0; count--) this.access(window);
    this.live = new Set([...before, ...[...this.live].filter((register) => register !== 1)]);
  }

  /** What no verifier lets through. */
  #unsafe(): void {
    const sort = this.random.below(8);
    const { maps, callees, signature } = this.settings;
    const label = this.random.pick(this.labels);
    if (sort === 0) {
      const register = this.number();
      this.access({ register, low: -8, high: 8, aligned: false, writable: true, atomics: true });
    } else if (sort === 1) {
      this.emit(OPCODE.MOV_REG, { dst: POINTER, src: FRAME });
      this.access({ register: POINTER, low: -520, high: -90, aligned: false, writable: true, atomics: true });
    } else if (sort === 2 && signature === 'context') {
      this.access({ register: CONTEXT, low: -2, high: 26, aligned: false, writable: true, atomics: true });
    } else if (sort === 3 && signature === 'context') {
      this.emit(OPCODE.LOAD_WORD, { dst: POINTER, src: CONTEXT, offset: this.settings.context.data });
      this.access({ register: POINTER, low: -4, high: 80, aligned: false, writable: true, atomics: true });
    } else if (sort === 4) {
      // Into a loop's middle, back to the start, over an initialisation: also irreducible graphs.
      this.#condition(label);
    } else if (sort === 5 && callees.length > 0) {
      this.emitJump(OPCODE.CALL, { src: 1 }, this.random.pick(callees).label, 'imm');
      this.forget(1);
    } else if (sort === 6 && maps.length > 0) {
      if (this.random.chance(50)) this.#loadMap(1, this.random.below(maps.length));
      this.address(2, this.random.pick([KEY, -4, 4, -1]));
      this.emit(OPCODE.CALL, { imm: this.random.pick([HELPER.LOOKUP, HELPER.UPDATE, HELPER.DELETE]) });
      this.live.delete(0);
      this.forget(1);
    } else if (sort === 7) {
      this.emit(OPCODE.CALL, { imm: HELPER.TAIL_CALL });
      this.forget(0);
    }
  }
}
