/** Programs of test rows: instructions by field, and chains of functions with given frames. */

import type { FunctionSpec, MapSpec, ProgramSpec } from '../../src/spec/object.ts';
import type { ProgramType } from '../../src/spec/programs.ts';

/** One 8-byte slot. */
export function slot(opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, opcode);
  view.setUint8(1, dst | (src << 4));
  view.setInt16(2, offset, true);
  view.setInt32(4, imm | 0, true);
  return bytes;
}

export const EXIT = slot(0x95);
/** r0 = 0 */
export const R0 = slot(0xb7);
/** call bpf_tail_call */
export const TAIL_CALL = slot(0x85, 0, 0, 0, 12);
/** r(dst) = map number `index` */
export const loadMap = (dst: number, index: number): Uint8Array => join([slot(0x18, dst, 1, 0, index), slot(0)]);
/** r(dst) = address of the value of map number `index` + offset */
export const loadValue = (dst: number, index: number, offset = 0): Uint8Array =>
  join([slot(0x18, dst, 2, 0, index), slot(0, 0, 0, 0, offset)]);
/** Call of the function whose first slot lies `distance` behind the next one. */
export const call = (distance: number): Uint8Array => slot(0x85, 0, 1, 0, distance);
export const helper = (id: number): Uint8Array => slot(0x85, 0, 0, 0, id);

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function map(type: MapSpec['type'], settings: Partial<MapSpec> = {}): MapSpec {
  return {
    name: type,
    type,
    keySize: 4,
    valueSize: type === 'prog_array' ? 4 : 8,
    maxEntries: 1,
    flags: 0,
    entries: [],
    slots: [],
    frozen: false,
    ...settings,
  };
}

export function program(
  code: Uint8Array,
  settings: Partial<ProgramSpec> & { readonly type?: ProgramType } = {},
): ProgramSpec {
  return {
    name: 'test',
    type: 'xdp',
    attachType: null,
    flags: [],
    license: 'GPL',
    code,
    functions: [{ name: 'test', pc: 0, linkage: 'global', returns: undefined }],
    hasBtf: false,
    lines: [],
    section: '',
    ...settings,
  };
}

/** The functions of a program with BTF: the program's own and static ones that return int. */
export function staticFunctions(starts: readonly number[], settings: Partial<FunctionSpec> = {}): FunctionSpec[] {
  return [0, ...starts].map((pc) => ({
    name: `f${pc}`,
    pc,
    linkage: pc === 0 ? 'global' : 'static',
    returns: 'int',
    ...(pc === 0 ? {} : settings),
  }));
}

/** One function of a chain: bytes of its frame, and whether it contains a tail call. */
export interface Frame {
  readonly bytes: number;
  readonly tailCalls?: boolean;
}

/** A chain of functions, each calling the next with the context; map 0 is the prog array. Static functions with BTF. */
export function chain(frames: readonly Frame[]): Pick<ProgramSpec, 'code' | 'functions' | 'hasBtf'> {
  const parts: Uint8Array[] = [];
  const starts: number[] = [];
  let at = 0;
  const add = (part: Uint8Array) => {
    parts.push(part);
    at += part.length / 8;
  };
  for (const [index, { bytes, tailCalls }] of frames.entries()) {
    if (index > 0) starts.push(at);
    add(slot(0xbf, 6, 1)); // r6 = r1
    if (bytes > 0) add(slot(0x7a, 10, 0, -bytes)); // *(u64 *)(r10 - bytes) = 0
    if (tailCalls === true) {
      for (const part of [loadMap(2, 0), slot(0xb7, 3), TAIL_CALL]) add(part);
    }
    add(slot(0xbf, 1, 6)); // r1 = r6
    if (index + 1 < frames.length) add(call(2));
    add(R0);
    add(EXIT);
  }
  return { code: join(parts), functions: staticFunctions(starts), hasBtf: true };
}
