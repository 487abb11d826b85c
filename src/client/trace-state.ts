/**
 * The state of a run as a client has it: it takes a StepState and applies rows and patches to it. It knows nothing but the rows, so what it
 * has is what the rows say.
 */

import type { FrameState, Patch, StepRow, StepState } from '../contract/step.ts';
import { bytesOfHex, hexOfBytes } from './hex.ts';

/** Registers that a call leaves without a value show this. */
export const DEAD_REGISTER = '0xdead';

const CALLER_SAVED = { FIRST: 1, END: 6 } as const;
const FRAME_POINTER = 10;
const REGISTERS = 11;
const MAX_STORE_BYTES = 8;

/** Rows that do not follow from the state that they are applied to. */
export class TraceStateError extends Error {
  override readonly name = 'TraceStateError';
}

/** Where control is behind a row: the row after it, or the state at the run's end (null there). */
export interface NextPlace {
  readonly program: number | null;
  readonly pc: number | null;
}

interface Frame {
  program: number;
  function: number;
  registers: string[];
}

const copyFrame = (frame: FrameState): Frame => ({ ...frame, registers: [...frame.registers] });

export class TraceState {
  readonly #programs: readonly string[];
  /** Innermost last. */
  #frames: Frame[];
  readonly #invocation: readonly FrameState[];
  /** Offset from the entry program's r10 to byte. */
  readonly #stack = new Map<number, number>();
  readonly #packet: Uint8Array | null;
  readonly #context: Uint8Array | null;
  readonly #maps = new Map<string, MapState>();
  /** Where the last patch of bytes went: a patch of an element right behind it says which element lies there. */
  #patched: { readonly region: string; readonly offset: number } | null = null;
  #step: number;
  #next: NextPlace;

  /**
   * @param programs names of the run's programs, by number
   * @param start the state in front of some step
   * @param invocation the state in front of step 0, from which each repetition starts again; default: `start`
   */
  constructor(programs: readonly string[], start: StepState, invocation: StepState = start) {
    this.#programs = programs;
    this.#step = Number(start.step);
    this.#next = { program: start.program, pc: start.pc };
    this.#invocation = invocation.frames;
    this.#frames = start.frames.map(copyFrame).toReversed();
    this.#put(start.stack.start, bytesOfHex(start.stack.hex));
    this.#packet = start.packet === null ? null : bytesOfHex(start.packet.hex);
    this.#context = start.ctx === null ? null : bytesOfHex(start.ctx.hex);
    for (const [name, entries] of Object.entries(start.maps)) this.#maps.set(name, new MapState(entries));
  }

  /** The step that comes next. */
  get step(): number {
    return this.#step;
  }

  /**
   * Applies the next row.
   * @param next the row after it; at the run's end the state there, or null
   * @throws TraceStateError when the row is not the one that follows
   */
  apply(row: StepRow, next: NextPlace | null): void {
    if (row.step !== String(this.#step)) throw new TraceStateError(`step ${row.step} follows where ${this.#step} must`);
    for (const patch of row.patches ?? []) this.#patch(patch);
    if (row.mem !== undefined) this.#store(row.mem, row.at ?? '');
    const frame = this.#frames.at(-1);
    if (frame === undefined || row.depth !== this.#frames.length - 1 || row.program !== frame.program) {
      throw new TraceStateError(`step ${row.step}: its frame is not the one that the steps before lead to`);
    }
    const place = next ?? { program: null, pc: null };
    this.#control(frame, row, place);
    this.#step++;
    this.#next = { program: place.program, pc: place.pc };
  }

  #control(frame: Frame, row: StepRow, next: NextPlace): void {
    if (row.insn === 'exit') this.#exit(row.value, next);
    else if (row.call?.helper === 'bpf_tail_call') this.#tailCall(frame, row, row.call.result);
    else if (row.dst === undefined || row.value === undefined) return;
    else if (row.insn.includes(' *)skb[')) this.#packetLoad(frame, row, next);
    else if (row.dst === FRAME_POINTER) this.#call(frame, row, row.value);
    else {
      if (row.insn.startsWith('call ')) kill(frame);
      frame.registers[row.dst] = row.value;
    }
  }

  /** Back to the caller; from the entry's frame into the next repetition, if there is one. */
  #exit(result: string | undefined, next: NextPlace): void {
    if (this.#frames.length > 1) {
      this.#frames.pop();
      const caller = this.#frames.at(-1)!;
      kill(caller);
      if (result !== undefined) caller.registers[0] = result;
    } else if (next.pc !== null) this.#frames = this.#invocation.map(copyFrame).toReversed();
  }

  /** LD_ABS and LD_IND: out of range when control goes on anywhere but behind it; then 0 was returned from the function. */
  #packetLoad(frame: Frame, row: StepRow, next: NextPlace): void {
    kill(frame);
    if (row.value !== undefined) frame.registers[0] = row.value;
    if (next.program !== row.program || next.pc !== row.pc + 1) this.#exit(row.value, next);
  }

  #tailCall(frame: Frame, row: StepRow, target: string | null): void {
    if (target === null) {
      frame.registers.fill(DEAD_REGISTER, 0, CALLER_SAVED.END);
      return;
    }
    const program = this.#programs.indexOf(target);
    if (program < 0) throw new TraceStateError(`step ${row.step}: the run has no program '${target}'`);
    const start = this.#invocation[0]?.registers ?? [];
    frame.program = program;
    frame.function = 0;
    frame.registers = [...start.slice(0, FRAME_POINTER), frame.registers[FRAME_POINTER] ?? DEAD_REGISTER];
  }

  #call(frame: Frame, row: StepRow, framePointer: string): void {
    const distance = /^call (?:pc)?([+-]\d+)$/.exec(row.insn)?.[1];
    if (distance === undefined) throw new TraceStateError(`step ${row.step}: ${row.insn} writes r10`);
    const registers = Array.from({ length: REGISTERS }, (_, register) =>
      register >= CALLER_SAVED.FIRST && register < CALLER_SAVED.END ? frame.registers[register]! : '0x0',
    );
    registers[FRAME_POINTER] = framePointer;
    this.#frames.push({ program: frame.program, function: row.pc + 1 + Number(distance), registers });
  }

  #patch(patch: Patch): void {
    if ('region' in patch) {
      const { region, offset } = patch;
      const bytes = bytesOfHex(patch.bytes);
      if (region === 'stack') this.#put(offset, bytes);
      else this.#flat(region)?.set(bytes, offset);
      this.#patched = { region, offset };
      return;
    }
    const map = this.#map(patch.map);
    if ('deleted' in patch) map.delete(patch.key);
    else map.set(patch.key, bytesOfHex(patch.value), this.#patched?.region === patch.map ? this.#patched.offset : null);
    this.#patched = null;
  }

  /** A store of the program's own. */
  #store({ region, offset, size, value }: NonNullable<StepRow['mem']>, at: string): void {
    const view = new DataView(new ArrayBuffer(MAX_STORE_BYTES));
    view.setBigUint64(0, BigInt(value), true);
    const bytes = new Uint8Array(view.buffer, 0, size);
    if (region === 'stack') this.#put(offset, bytes);
    else if (region === 'packet' || region === 'ctx') this.#flat(region)?.set(bytes, offset);
    else {
      const inside = /\[\d+\]\+(\d+)$/.exec(at)?.[1];
      if (inside === undefined) throw new TraceStateError(`${at || region} is no place in an element of a map`);
      this.#map(region).store(offset, Number(inside), bytes);
    }
  }

  #put(offset: number, bytes: Uint8Array): void {
    bytes.forEach((byte, index) => {
      this.#stack.set(offset + index, byte);
    });
  }

  #flat(region: string): Uint8Array | null {
    return region === 'packet' ? this.#packet : region === 'ctx' ? this.#context : null;
  }

  #map(name: string): MapState {
    const map = this.#maps.get(name);
    if (map === undefined) throw new TraceStateError(`the run has no map '${name}'`);
    return map;
  }

  /**
   * The state as it is now, in the server's form; elements stand in the order of their keys.
   * @param stackStart lowest byte of the stack to show, as the offset from the entry program's r10; default: the lowest that is known
   */
  state(stackStart?: number): StepState {
    const start = stackStart ?? Math.min(0, ...this.#stack.keys());
    const stack = Uint8Array.from({ length: -start }, (_, index) => this.#stack.get(start + index) ?? 0);
    const frames = this.#frames.map(copyFrame).toReversed();
    return {
      step: String(this.#step),
      program: this.#next.program,
      pc: this.#next.pc,
      registers: [...(frames[0]?.registers ?? [])],
      frames,
      stack: { start, hex: hexOfBytes(stack) },
      packet: this.#packet === null ? null : { hex: hexOfBytes(this.#packet) },
      ctx: this.#context === null ? null : { hex: hexOfBytes(this.#context) },
      maps: Object.fromEntries([...this.#maps].map(([name, map]) => [name, map.entries()])),
    };
  }
}

function kill(frame: Frame): void {
  frame.registers.fill(DEAD_REGISTER, CALLER_SAVED.FIRST, CALLER_SAVED.END);
}

type Entries = StepState['maps'][string];

/**
 * Elements of a map, and where their values lie in its region: the start state tells, then each update by a helper. A store through a pointer
 * names only its place.
 */
class MapState {
  readonly #elements = new Map<string, Uint8Array>();
  /** Where a value starts to its key; null: the element was deleted, and who still points to it is seen by nobody. */
  readonly #keys = new Map<number, string | null>();
  readonly #places = new Map<string, number>();
  /** Bytes of an element in front of its value, the same in all; undefined: no store has shown it yet. */
  #header: number | undefined;

  constructor(entries: Entries) {
    for (const { key, value, offset } of entries) this.set(key.hex, bytesOfHex(value.hex), offset ?? null);
  }

  /** @param place where the value lies, when that was told */
  set(key: string, value: Uint8Array, place: number | null): void {
    this.#forget(key);
    this.#elements.set(key, value);
    if (place === null) return;
    this.#keys.set(place, key);
    this.#places.set(key, place);
  }

  delete(key: string): void {
    this.#elements.delete(key);
    this.#forget(key);
  }

  #forget(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    if (this.#keys.get(place) === key) this.#keys.set(place, null);
  }

  /** A store at an offset of the region, `inside` bytes into the element there. */
  store(offset: number, inside: number, bytes: Uint8Array): void {
    const element = offset - inside;
    this.#header ??= this.#headerAt(element, offset);
    if (this.#header === undefined) return;
    const key = this.#keys.get(element + this.#header);
    if (key !== undefined && key !== null) this.#elements.get(key)?.set(bytes, inside - this.#header);
  }

  /** The last value that starts between an element's start and a byte of its value. */
  #headerAt(element: number, offset: number): number | undefined {
    const starts = [...this.#keys.keys()].filter((start) => start >= element && start <= offset);
    return starts.length === 0 ? undefined : Math.max(...starts) - element;
  }

  entries(): Entries {
    const byKey = (left: string, right: string) => (left < right ? -1 : 1);
    return [...this.#elements.keys()].toSorted(byKey).map((key) => {
      const offset = this.#places.get(key);
      const value = { hex: hexOfBytes(this.#elements.get(key)!) };
      return { key: { hex: key }, value, ...(offset === undefined ? {} : { offset }) };
    });
  }
}
