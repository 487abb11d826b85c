/** Runs as requests over HTTP, and the list of all that tests know: for what must hold of every program. */

import type { RunBody } from '../../src/contract/run.ts';
import type { ProgramRequest, RunSpec } from '../../src/contract/run-spec.ts';
import { type RunDescription, runSpec } from './engine-run.ts';
import { MAP_ROWS, mapRowRun } from './map-rows.ts';
import { exampleRun, OBJECT_RUNS, objectRun } from './object-runs.ts';
import { PACKET, PACKET_LOAD_ROWS } from './packet-load-rows.ts';
import { PRINT_ROWS, printRowRun } from './print-rows.ts';
import { TAIL_CALL_ROWS } from './tail-call-rows.ts';

const hexOf = (bytes: Uint8Array) => ({ hex: Buffer.from(bytes).toString('hex') });

function programBody(request: ProgramRequest) {
  const { source, pointer: _, ...program } = request;
  if (source.kind === 'stored') return { name: program.name, id: source.id };
  const rest = { ...program, flags: [...program.flags] };
  if (source.kind === 'asm') return { ...rest, asm: source.text, dialect: source.dialect };
  return { ...rest, insns: hexOf(source.bytes) };
}

/** The request whose spec this is. */
export function bodyOf(spec: RunSpec): RunBody {
  const { packet, ctx } = spec.input;
  const context = ctx instanceof Uint8Array ? hexOf(ctx) : ctx;
  return {
    ...(spec.object === null ? {} : { object: { elf: hexOf(spec.object) } }),
    programs: spec.programs.map(programBody),
    maps: spec.maps.map(({ name, type, keySize, valueSize, maxEntries, flags, frozen, slots, entries }) => ({
      name,
      ...(type === null ? {} : { type }),
      ...(keySize === null ? {} : { keySize }),
      ...(valueSize === null ? {} : { valueSize }),
      ...(maxEntries === null ? {} : { maxEntries }),
      flags: [...flags],
      frozen,
      slots: { ...slots },
      entries: entries.map(({ key, value }) => ({ key: hexOf(key), value: hexOf(value) })),
    })),
    entry: spec.entry,
    input: {
      ...(packet === null ? {} : { packet: hexOf(packet) }),
      ...(context === null ? {} : { ctx: { ...context } }),
    },
    repeat: spec.repeat,
    ...(spec.verify === null ? {} : { verify: spec.verify }),
    maxTailCalls: spec.maxTailCalls,
    budgets: { ...spec.budgets },
    seed: spec.seed,
    detail: spec.detail,
    return: { ...spec.returns, maps: [...spec.returns.maps] },
  };
}

export function runBody(description: RunDescription): RunBody {
  return bodyOf(runSpec(description));
}

/** Every run of the tables, by a name. */
export const ALL_RUNS: readonly (readonly [name: string, run: RunDescription])[] = [
  ...TAIL_CALL_ROWS.map((row) => [row.name, row] as const),
  ...OBJECT_RUNS.map((row) => [`${row.object}, ${row.entry}, ${row.packet}`, objectRun(row)] as const),
  ...['arp', 'tcp', 'udp'].map((name) => [`example, ${name}`, exampleRun(name)] as const),
  ...MAP_ROWS.map((row) => [row.name, mapRowRun(row)] as const),
  ...PRINT_ROWS.map((row) => [`print ${row.format}`, printRowRun(row)] as const),
  ...PACKET_LOAD_ROWS.map(
    ({ name, text }) => [`load ${name}`, { programs: { load: text }, type: 'sched_cls', packet: PACKET }] as const,
  ),
];
