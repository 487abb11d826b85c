/** The stack of the worked example, computed from the programs themselves: what stands on it at each step, and Linux's verdict. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readObject } from '../../src/elf/object.ts';
import type { ProgramSpec } from '../../src/spec/object.ts';
import { verifyStructure } from '../../src/verifier/verify.ts';
import { assertReplays } from '../support/assert-replays.ts';
import { runSpec } from '../support/engine-run.ts';
import { objectBytes } from '../support/fixtures.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel } from '../support/kernel/kernel.ts';
import { runOnKernel } from '../support/kernel/run.ts';
import { replayOf } from '../support/replayed.ts';

const AS_PRINTED = 'worked-example.o';
const THAT_LOADS = 'worked-example.176.o';
const PACKET = new Uint8Array(64);

/** Bytes of each function's frame, by function name, as the verifier reports them. */
function frameBytes(object: string): ReadonlyMap<string, number> {
  const { programs, maps } = readObject(objectBytes(object));
  return new Map(
    programs.flatMap((program) =>
      verifyStructure(program, maps).functions.map(({ pc, stackDepth }) => [nameAt(program, pc), stackDepth] as const),
    ),
  );
}

function nameAt(program: ProgramSpec, pc: number): string {
  return program.functions.find((one) => one.pc === pc)?.name ?? `insn ${pc}`;
}

/** What happens, and what stands on the stack afterwards as printed and in the version that loads. */
const STEPS: readonly (readonly [what: 'enter' | 'tail call', name: string, asPrinted: number, thatLoads: number])[] = [
  ['enter', 'func1', 128, 128],
  ['enter', 'subfunc1', 384, 384],
  ['tail call', 'subfunc1', 128, 128],
  ['enter', 'func2', 320, 304],
  ['enter', 'subfunc2', 384, 368],
  ['enter', 'subfunc22', 512, 496],
  ['tail call', 'subfunc22', 384, 368],
  ['enter', 'func3', 416, 400],
];

/** A tail call takes one frame away: the one of the function that makes it. */
function totals(bytes: ReadonlyMap<string, number>): number[] {
  let total = 0;
  return STEPS.map(([what, name]) => {
    total += what === 'enter' ? bytes.get(name)! : -bytes.get(name)!;
    return total;
  });
}

test('totals of the version that loads', () => {
  assert.deepEqual(
    totals(frameBytes(THAT_LOADS)),
    STEPS.map(([, , , total]) => total),
  );
});

/** func2 is refused, so the verifier reports depths but not functions; func2's own frame is its program's depth. */
test('totals as printed', () => {
  const { programs, maps } = readObject(objectBytes(AS_PRINTED));
  const func2 = programs.find((program) => program.name === 'func2')!;
  const bytes = new Map([...frameBytes(THAT_LOADS), ['func2', verifyStructure(func2, maps).stackDepth]]);
  assert.deepEqual(
    totals(bytes),
    STEPS.map(([, , total]) => total),
  );
});

const TOO_LARGE = 'tail_calls are not allowed when call stack of previous frames is 256 bytes. Too large';
const VERDICTS: readonly (readonly [object: string, program: string, message: string | null])[] = [
  [AS_PRINTED, 'func1', null],
  [AS_PRINTED, 'func2', TOO_LARGE],
  [AS_PRINTED, 'func3', null],
  [THAT_LOADS, 'func1', null],
  [THAT_LOADS, 'func2', null],
  [THAT_LOADS, 'func3', null],
];

for (const [object, name, message] of VERDICTS) {
  test(`${object}: ${name} ${message === null ? 'loads' : 'is refused'}`, () => {
    const { programs, maps } = readObject(objectBytes(object));
    const { rejection } = verifyStructure(programs.find((program) => program.name === name)!, maps);
    assert.deepEqual(
      [rejection?.message ?? null, rejection?.errno ?? null],
      [message, message === null ? null : 'EACCES'],
    );
  });
}

const spec = runSpec({ object: objectBytes(THAT_LOADS), entry: 'func1', packet: PACKET });
const SUM = 32 + 64 + 176 + 128;

test('the chain runs: func1 gets the sum of all frames that stand in the end', () => {
  const result = assertReplays(spec);
  assert.equal(result.returnValue, SUM);
  assert.deepEqual(
    result.chain.map(({ from, to }) => [from, to]),
    [
      ['func1', 'func2'],
      ['func2', 'func3'],
    ],
  );
});

test('in func3 four frames stand: its own, subfunc2, func2, func1', () => {
  const { rows } = replayOf(spec);
  const names = readObject(objectBytes(THAT_LOADS)).programs;
  const step = rows.findIndex((row) => names[row.program]?.name === 'func3');
  const { state } = replayOf(spec, step, 0);
  assert.deepEqual(
    state.frames.map((frame) => nameAt(names[frame.program]!, frame.function)),
    ['func3', 'subfunc2', 'func2', 'func1'],
  );
});

describe('the same on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const [object, name, message] of VERDICTS) {
    test(`${object}: ${name}`, () => {
      const { programs, maps } = readObject(objectBytes(object));
      using kernel = new Kernel();
      const program = programs.find((one) => one.name === name)!;
      const said = runOnKernel(kernel, {
        programs: [program],
        maps: maps.map((map) => ({ ...map, slots: [] })),
        entry: null,
      });
      assert.equal(said.errno, message === null ? null : 'EACCES', said.log);
      assert.ok(said.log.includes(message ?? ''), said.log);
    });
  }

  test('the chain', () => {
    const { programs, maps } = readObject(objectBytes(THAT_LOADS));
    using kernel = new Kernel();
    const said = runOnKernel(kernel, { programs, maps, entry: 'func1', packet: PACKET });
    assert.equal(said.retval, SUM, said.log);
  });
});
