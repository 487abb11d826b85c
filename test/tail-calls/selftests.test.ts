/** The kernel's tests of tail calls on the engine and on Linux. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limitsWith } from '../../src/contract/limits.ts';
import { readRun } from '../../src/pipeline/load.ts';
import { assertReplaysDescribed } from '../support/assert-replays.ts';
import { bytesOf, type MapDescription, type RunDescription, runSpec } from '../support/engine-run.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel, type KernelMap } from '../support/kernel/kernel.ts';
import { LEFT_OUT, SELFTEST_ROWS, type SelftestRow, type SelftestRun, VERDICT_TESTS } from './selftest-rows.ts';

interface RunAnswer {
  readonly returns: number;
  readonly leaves: Readonly<Record<string, readonly number[]>>;
}

/** Does what stands in front of the run, runs, and says what became of it. */
type Subject = (run: SelftestRun) => RunAnswer;

const elementKey = (index: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(index);
  return bytes.toString('hex');
};
const elementValue = (value: number): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.toString('hex');
};
const numberOf = (value: Uint8Array): number => Number(Buffer.from(value).readBigUInt64LE());

function description(row: SelftestRow): RunDescription {
  return {
    programs: row.programs,
    type: row.type,
    maps: row.maps,
    packet: row.packet === null ? null : new Uint8Array(row.packet),
  };
}

/** Every run is a run of its own; slots and elements are carried from one to the next. Each is replayed too. */
function engine(row: SelftestRow): Subject {
  const maps: Record<string, MapDescription> = { ...row.maps };
  return (run) => {
    for (const [name, index, program, errno] of run.slots ?? []) {
      const slots = { ...maps[name]!.slots };
      assert.equal(program === null && slots[index] === undefined ? 'ENOENT' : undefined, errno);
      delete slots[index];
      maps[name] = { ...maps[name]!, slots: program === null ? slots : { ...slots, [index]: program } };
    }
    for (const [name, values] of Object.entries(run.set ?? {})) {
      const entries = values.map((value, index) => [elementKey(index), elementValue(value)] as const);
      maps[name] = { ...maps[name]!, entries };
    }
    const arrays = Object.keys(maps).filter((name) => maps[name]!.type === 'array');
    const result = assertReplaysDescribed({
      ...description(row),
      maps,
      returnMaps: arrays,
      ...(run.entry === undefined ? {} : { entry: run.entry }),
      ...(run.repeat === undefined ? {} : { repeat: run.repeat }),
    });
    assert.deepEqual([result.outcome.code, result.rejection, result.fault], ['exit', null, null]);
    for (const name of arrays) {
      const entries = result.output.maps[name]!.map(({ key, value }) => [key.hex, value.hex] as const);
      maps[name] = { ...maps[name]!, entries };
    }
    const leaves = arrays.map((name) => [name, maps[name]!.entries!.map(([, value]) => numberOf(bytesOf(value)))]);
    return { returns: result.returnValue!, leaves: Object.fromEntries(leaves) };
  };
}

/** All programs and maps are loaded once; commands change slots and elements between the runs. */
function linux(kernel: Kernel, row: SelftestRow): Subject {
  const { programs, maps } = readRun(runSpec(description(row)), limitsWith());
  const created = maps.map((spec): KernelMap => {
    const { map, errno } = kernel.createMap(spec);
    assert.ok(map !== undefined, `${spec.name}: ${errno}`);
    return map;
  });
  const mapNamed = (name: string): KernelMap => created.find(({ spec }) => spec.name === name)!;
  const loaded = new Map(
    programs.map((program) => {
      const { descriptor, log } = kernel.load(program, created);
      assert.ok(descriptor !== undefined, `${program.name}: ${log}`);
      return [program.name, descriptor];
    }),
  );
  for (const { spec, ...map } of created) {
    for (const slot of spec.slots)
      assert.equal(kernel.setSlot({ ...map, spec }, slot.index, loaded.get(slot.program)!), null);
  }
  return (run) => {
    for (const [name, index, program, errno] of run.slots ?? []) {
      const said =
        program === null
          ? kernel.delete(mapNamed(name), bytesOf(elementKey(index)))
          : kernel.setSlot(mapNamed(name), index, loaded.get(program)!);
      assert.equal(said, errno ?? null);
    }
    for (const [name, values] of Object.entries(run.set ?? {})) {
      values.forEach((value, index) => {
        kernel.update(mapNamed(name), bytesOf(elementKey(index)), bytesOf(elementValue(value)));
      });
    }
    const result = kernel.testRun(loaded.get(run.entry ?? Object.keys(row.programs)[0]!)!, {
      packet: row.packet === null ? null : new Uint8Array(row.packet),
      context: null,
      repeat: row.type === 'raw_tracepoint' ? 0 : (run.repeat ?? 1),
    });
    assert.equal(result.errno, null);
    const arrays = created.filter(({ spec }) => spec.type === 'array');
    const leaves = arrays.map((map) => [map.spec.name, kernel.elements(map).map(({ value }) => numberOf(value))]);
    return { returns: result.returnValue, leaves: Object.fromEntries(leaves) };
  };
}

function check(row: SelftestRow, subject: Subject): void {
  for (const [index, run] of row.runs.entries()) {
    const { returns, leaves } = subject(run);
    assert.equal(returns, run.returns, `run ${index}`);
    for (const [name, values] of Object.entries(run.leaves ?? {}))
      assert.deepEqual(leaves[name], values, `run ${index}`);
  }
}

const title = ({ test: name, variant }: SelftestRow): string => (variant === '' ? name : `${name}, ${variant}`);

for (const row of SELFTEST_ROWS) test(title(row), () => check(row, engine(row)));

describe('the same on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const row of SELFTEST_ROWS) {
    test(title(row), () => {
      using kernel = new Kernel();
      check(row, linux(kernel, row));
    });
  }
});

test('tests run and left out', (context) => {
  const run = new Set([...SELFTEST_ROWS.map((row) => row.test), ...VERDICT_TESTS]);
  const left = /fentry|fexit|freplace|poke|EXT|struct_ops|lsm|exceptions|lirc/;
  for (const name of LEFT_OUT) assert.match(name, left);
  for (const name of run) assert.doesNotMatch(name, left);
  context.diagnostic(
    `tests of the kernel: ${run.size} run (${SELFTEST_ROWS.length} rows), ${LEFT_OUT.length} left out`,
  );
  assert.equal(LEFT_OUT.length, 14);
  assert.equal(run.size, 26);
});
