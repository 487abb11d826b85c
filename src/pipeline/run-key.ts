/** runKey: the hash of all that determines a run's result, engine version included. */

import { createHash, hash } from 'node:crypto';
import type { ProgramSource, RunSpec } from '../contract/run-spec.ts';
import type { SandboxState } from '../contract/sandbox-task.ts';
import { ENGINE } from '../contract/version.ts';
import { partsOf } from './sandbox.ts';

type Sorted = readonly (readonly [string, unknown])[];

/** Fields that a caller names, in an order that does not depend on his. */
function sorted(record: Readonly<Record<string, unknown>>): Sorted {
  return Object.entries(record).sort(([left], [right]) => (left < right ? -1 : 1));
}

function bytesKey(value: Uint8Array | null) {
  return value === null ? null : [value.length, hash('sha256', value, 'base64')];
}

/** Names count (chain rows and faults say them), places in the request do not. Bytes stand by their length and hash. */
export function runKeyOf(spec: RunSpec): string {
  const { object, programs, maps, input, returns, budgets } = spec;
  const text = JSON.stringify([
    ENGINE,
    bytesKey(object),
    programs.map(({ name, type, attachType, flags, license, source }) => [
      name,
      type,
      attachType,
      flags,
      license,
      source.kind,
      sourceKey(source),
    ]),
    maps.map((map) => [
      map.name,
      map.type,
      map.keySize,
      map.valueSize,
      map.maxEntries,
      map.flags,
      map.frozen,
      sorted(map.slots),
      map.entries.map(({ key, value }) => [bytesKey(key), bytesKey(value)]),
    ]),
    spec.entry,
    bytesKey(input.packet),
    input.ctx === null || input.ctx instanceof Uint8Array ? bytesKey(input.ctx) : sorted(input.ctx),
    [spec.repeat, spec.verify, spec.profile, spec.maxTailCalls, spec.seed, spec.detail],
    [budgets.instructions, budgets.tailCalls, budgets.wallMs, budgets.memoryBytes, budgets.traceBytes],
    [returns.packet, returns.ctx, returns.maps],
  ]);
  return `sha256:${hash('sha256', text, 'hex')}`;
}

function sourceKey(source: ProgramSource) {
  if (source.kind === 'asm') return [source.dialect, source.text];
  return source.kind === 'stored' ? source.id : bytesKey(source.bytes);
}

/** Of a run on a sandbox: the sandbox as it was when the run began counts too; what was changed while it went on does not. */
export function sandboxRunKeyOf(spec: RunSpec, { linked, image, progArrays }: SandboxState): string {
  const { programs, maps } = partsOf(linked);
  const digest = createHash('sha256');
  digest.update(runKeyOf(spec));
  for (const program of programs) digest.update(JSON.stringify({ ...program, code: null })).update(program.code);
  for (const map of maps) digest.update(JSON.stringify({ ...map, entries: null }));
  digest
    .update(JSON.stringify([linked.verify, progArrays.map(({ map, generation, slots }) => [map, generation, slots])]))
    .update(image.data)
    .update(image.descriptors);
  return `sha256:${digest.digest('hex')}`;
}
