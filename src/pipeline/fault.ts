/** A guest's fault in people's terms: program, instruction, source line, address, region, and a sentence. */

import { type Region, symbolIn } from '../contract/place.ts';
import type { Fault } from '../contract/result.ts';
import { disassemble } from '../isa/disassemble.ts';
import { instructionAt } from '../isa/instruction.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import type { FaultAccess, GuestStop } from '../vm/stop.ts';
import type { ReadRun } from './load.ts';
import { disassemblyNames } from './names.ts';
import { sourceAt } from './source.ts';

function sizeText(region: Region): string {
  return region.kind === 'stack' ? 'a frame has 512 bytes' : `${region.name} has ${region.end - region.start} bytes`;
}

const SENTENCES: Partial<Record<GuestStop['code'], (where: string, region: Region | undefined) => string>> = {
  null_deref: (where) =>
    `${where}, below page 1: a null pointer, or one computed from it; compare it with 0 before use`,
  readonly_write: (where, region) => `${where}: these bytes of ${region?.name ?? 'memory'} may only be read`,
  oob_read: outside,
  oob_write: outside,
};

function outside(where: string, region: Region | undefined): string {
  return region === undefined
    ? `${where}: no region of this run lies there`
    : `${where}, outside what is open there (${sizeText(region)})`;
}

function memoryMessage(stop: GuestStop, access: FaultAccess, region: Region | undefined): string {
  const address = `0x${access.address.toString(16)}`;
  const place = region === undefined ? address : `${symbolIn(region, Number(access.address))} (${address})`;
  const who = stop.message === '' ? '' : `${stop.message}: `;
  const where = `${who}${access.access} of ${access.size} byte${access.size === 1 ? '' : 's'} at ${place}`;
  return SENTENCES[stop.code]?.(where, region) ?? where;
}

/** The text of the instruction at a slot. */
export function instructionText(run: ReadRun, program: number, pc: number): string {
  const instruction = instructionAt(run.instructions[program] ?? [], pc);
  return instruction === undefined ? '' : disassemble(instruction, disassemblyNames(run.maps));
}

export function describeFault(run: ReadRun, memory: GuestMemory, stop: GuestStop): Fault {
  const program = run.programs[stop.program]!;
  const source = sourceAt(program, stop.pc);
  const { access } = stop;
  const region =
    access === undefined || access.address > BigInt(Number.MAX_SAFE_INTEGER)
      ? undefined
      : memory.regionNear(Number(access.address));
  return {
    code: stop.code,
    program: program.name,
    pc: stop.pc,
    insn: instructionText(run, stop.program, stop.pc),
    ...(source === undefined ? {} : { source }),
    address: access === undefined ? null : `0x${access.address.toString(16)}`,
    access: access?.access ?? null,
    size: access?.size ?? null,
    region: region?.name ?? null,
    message: access === undefined ? stop.message : memoryMessage(stop, access, region),
  };
}
