/**
 * What a client of the step trace does: takes a state, applies rows and patches to it, and has the state behind them. It knows nothing but
 * the rows, the two states and the shapes of the maps; so what it gets is what the rows say, not what the engine folds by itself.
 */

import assert from 'node:assert/strict';
import type { FrameState, Patch, StepRow, StepState } from '../../src/contract/step.ts';

/** What a client has from `started` and /v1/info: which maps are flat, and the element sizes. */
export interface MapShape {
  readonly name: string;
  readonly type: string;
  readonly valueSize: number;
}

/** Registers that a call leaves dead show this. */
const DEAD = '0xdead';

interface Frame {
  program: number;
  function: number;
  registers: string[];
}

type Element = Uint8Array;

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const copyFrame = (frame: FrameState): Frame => ({ ...frame, registers: [...frame.registers] });

/** Where control is behind a row: the next row, or the state at the end. */
interface Next {
  readonly program: number | null;
  readonly pc: number | null;
}

class Applied {
  /** Innermost last. */
  frames: Frame[];
  readonly #invocation: StepState;
  readonly #stack = new Map<number, number>();
  readonly #packet: Uint8Array | null;
  readonly #context: Uint8Array | null;
  readonly #maps = new Map<string, Map<string, Element>>();
  /** Map name to place of a value to its key: learned from patches that come in pairs. */
  readonly #places = new Map<string, Map<number, string>>();
  readonly #shapes: ReadonlyMap<string, MapShape>;

  constructor(start: StepState, invocation: StepState, shapes: readonly MapShape[]) {
    this.#invocation = invocation;
    this.#shapes = new Map(shapes.map((shape) => [shape.name, shape]));
    this.frames = start.frames.map(copyFrame).toReversed();
    bytesOf(start.stack.hex).forEach((byte, index) => {
      this.#stack.set(start.stack.start + index, byte);
    });
    this.#packet = start.packet === null ? null : bytesOf(start.packet.hex);
    this.#context = start.ctx === null ? null : bytesOf(start.ctx.hex);
    for (const [name, entries] of Object.entries(start.maps)) {
      this.#maps.set(name, new Map(entries.map(({ key, value }) => [key.hex, bytesOf(value.hex)])));
    }
  }

  row(row: StepRow, next: Next): void {
    for (const patch of row.patches ?? []) {
      assert.equal(patch.step, row.step);
      this.#patch(patch);
    }
    if (row.mem !== undefined) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(row.mem.value));
      this.#write(row.mem.region, row.mem.offset, bytes.subarray(0, row.mem.size));
    }
    const frame = this.frames.at(-1)!;
    assert.equal(row.depth, this.frames.length - 1, `step ${row.step}: depth`);
    assert.equal(row.program, frame.program, `step ${row.step}: program`);
    if (row.insn === 'exit') this.#exit(frame, row, next);
    else if (row.insn.startsWith('call bpf_tail_call#')) this.#tailCall(frame, row, next);
    else if (row.dst === undefined) return;
    else if (row.insn.includes(' *)skb[')) this.#packetLoad(frame, row, next);
    else if (row.dst === 10) this.#call(frame, row, row.value!);
    else {
      if (row.insn.startsWith('call ')) frame.registers.fill(DEAD, 1, 6);
      frame.registers[row.dst] = row.value!;
    }
  }

  #exit(frame: Frame, row: StepRow, next: Next): void {
    assert.equal(row.dst, 0);
    assert.equal(row.value, frame.registers[0], `step ${row.step}: r0 at exit`);
    if (this.frames.length > 1) {
      this.frames.pop();
      const caller = this.frames.at(-1)!;
      caller.registers.fill(DEAD, 1, 6);
      caller.registers[0] = row.value!;
    } else if (next.pc !== null) this.frames = this.#invocation.frames.map(copyFrame).toReversed();
  }

  /** Out of range when control goes on anywhere but behind the load: then it has returned 0 from its function. */
  #packetLoad(frame: Frame, row: StepRow, next: Next): void {
    frame.registers.fill(DEAD, 1, 6);
    frame.registers[0] = row.value!;
    if (next.program === row.program && next.pc === row.pc + 1) return;
    assert.equal(row.value, '0x0', `step ${row.step}: a packet load out of range`);
    this.#exit(frame, row, next);
  }

  /** Taken when control goes on elsewhere; at the end of a run that ended inside the call nothing has happened. */
  #tailCall(frame: Frame, row: StepRow, next: Next): void {
    if (next.pc === null) return;
    if (next.program === row.program && next.pc === row.pc + 1) {
      frame.registers.fill(DEAD, 0, 6);
      return;
    }
    const start = this.#invocation.frames[0]!.registers;
    assert.equal(next.pc, 0, `step ${row.step}: a tail call goes to a program's start`);
    frame.program = next.program!;
    frame.function = 0;
    frame.registers = [...start.slice(0, 10), frame.registers[10]!];
  }

  #call(frame: Frame, row: StepRow, framePointer: string): void {
    const distance = /^call (?:pc)?([+-]\d+)$/.exec(row.insn)?.[1];
    assert.ok(distance !== undefined, row.insn);
    const registers = Array.from({ length: 10 }, (_, at) => (at >= 1 && at <= 5 ? frame.registers[at]! : '0x0'));
    this.frames.push({
      program: frame.program,
      function: row.pc + 1 + Number(distance),
      registers: [...registers, framePointer],
    });
  }

  #patch(patch: Patch): void {
    if ('region' in patch) this.#write(patch.region, patch.offset, bytesOf(patch.bytes), true);
    else if ('deleted' in patch) this.#elements(patch.map).delete(patch.key);
    else {
      this.#elements(patch.map).set(patch.key, bytesOf(patch.value));
      const place = this.#lastPlace;
      if (place?.region === patch.map) this.#placesOf(patch.map).set(place.offset, patch.key);
    }
  }

  #lastPlace: { region: string; offset: number } | undefined;

  #write(region: string, offset: number, bytes: Uint8Array, byHelper = false): void {
    this.#lastPlace = { region, offset };
    if (region === 'stack') {
      bytes.forEach((byte, index) => {
        this.#stack.set(offset + index, byte);
      });
      return;
    }
    const flat = region === 'packet' ? this.#packet : region === 'ctx' ? this.#context : undefined;
    if (flat !== undefined) flat!.set(bytes, offset);
    else if (!byHelper) this.#writeElement(region, offset, bytes);
  }

  /** A store through a pointer that a lookup gave: in an array the place tells the key, elsewhere a patch has told it. */
  #writeElement(map: string, offset: number, bytes: Uint8Array): void {
    const shape = this.#shapes.get(map);
    assert.ok(shape !== undefined, `${map} is neither a region nor a map`);
    const flat = shape.type === 'array' || shape.type === 'percpu_array';
    const stride = 8 * Math.ceil((shape.valueSize + 1) / 8);
    const places = flat ? [Math.floor(offset / stride) * stride] : [...this.#placesOf(map).keys()];
    const place = places.find((start) => offset >= start && offset < start + shape.valueSize);
    assert.ok(place !== undefined, `nothing is known at ${map}+${offset}`);
    const number = Buffer.alloc(4);
    number.writeUInt32LE(place / stride);
    const value = this.#elements(map).get(flat ? hexOf(number) : this.#placesOf(map).get(place)!);
    assert.ok(value !== undefined, `no element at ${map}+${offset}`);
    value.set(bytes, offset - place);
  }

  #elements(map: string): Map<string, Element> {
    const elements = this.#maps.get(map);
    assert.ok(elements !== undefined, `no map ${map}`);
    return elements;
  }

  #placesOf(map: string): Map<number, string> {
    const places = this.#places.get(map) ?? new Map<number, string>();
    this.#places.set(map, places);
    return places;
  }

  /** In the shape of `like`; elements sorted by key. */
  state(like: StepState): unknown {
    const stack = Uint8Array.from(
      { length: -like.stack.start },
      (_, at) => this.#stack.get(like.stack.start + at) ?? 0,
    );
    return {
      frames: this.frames.toReversed(),
      stack: { start: like.stack.start, hex: hexOf(stack) },
      packet: this.#packet === null ? null : hexOf(this.#packet),
      ctx: this.#context === null ? null : hexOf(this.#context),
      maps: Object.fromEntries(
        [...this.#maps].map(([name, elements]) => [
          name,
          [...elements].map(([key, value]) => [key, hexOf(value)]).toSorted(byKey),
        ]),
      ),
    };
  }
}

const byKey = (left: readonly string[], right: readonly string[]): number => (left[0]! < right[0]! ? -1 : 1);

function comparable(state: StepState): unknown {
  return {
    frames: state.frames,
    stack: state.stack,
    packet: state.packet?.hex ?? null,
    ctx: state.ctx?.hex ?? null,
    maps: Object.fromEntries(
      Object.entries(state.maps).map(([name, entries]) => [
        name,
        entries.map(({ key, value }) => [key.hex, value.hex]).toSorted(byKey),
      ]),
    ),
  };
}

/**
 * Applies `rows` to `start` and compares with every state of `ends`, each of which stands in front of the step that it names.
 * @param invocation the state in front of step 0, from which each repetition starts again
 */
export function assertApplied(
  start: StepState,
  rows: readonly StepRow[],
  ends: readonly StepState[],
  shapes: readonly MapShape[],
  invocation = start,
): void {
  const applied = new Applied(start, invocation, shapes);
  const first = Number(start.step);
  const byStep = new Map(ends.map((end) => [Number(end.step), end]));
  const compare = (step: number) => {
    const end = byStep.get(step);
    if (end !== undefined) assert.deepEqual(applied.state(end), comparable(end), `the state in front of step ${step}`);
    byStep.delete(step);
  };
  compare(first);
  rows.forEach((row, index) => {
    const step = first + index;
    assert.equal(row.step, String(step), 'steps are dense');
    const end = byStep.get(step + 1);
    const next = rows[index + 1] ?? end ?? { program: null, pc: null };
    applied.row(row, next);
    compare(step + 1);
  });
  assert.deepEqual([...byStep.keys()], [], 'states that no row leads to');
}
