import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { analyseDominance } from '../../src/cfg/dominators.ts';
import { findFunctions } from '../../src/cfg/functions.ts';
import { buildGraph } from '../../src/cfg/graph.ts';
import { limitsWith } from '../../src/contract/limits.ts';
import { decode } from '../../src/isa/decode.ts';
import { readRun } from '../../src/pipeline/load.ts';
import { GuestMemory } from '../../src/vm/guest-memory.ts';
import { type RunDescription, runSpec, runVm, testVm } from '../support/engine-run.ts';
import { flowProgram } from './flow-programs.ts';
import { type TestPoint, type Walk, walk } from './reference-walk.ts';

const MAPS = { chain: { slots: { 0: 'p0', 1: 'p1' }, maxEntries: 2 } };
const MEMORY = new GuestMemory(1 << 20);

interface Case {
  readonly programs: Record<string, string>;
  readonly codes: readonly Uint8Array[];
}

function caseOf(texts: readonly string[]): Case {
  const programs = Object.fromEntries(texts.map((text, index) => [`p${index}`, text]));
  const description: RunDescription = { programs, maps: MAPS, verify: 'off' };
  const codes = readRun(runSpec(description), limitsWith()).programs.map((program) => program.code);
  return { programs, codes };
}

const alone = flowProgram([]).map((text) => caseOf([text, 'r0 = 0\nexit']));
const hopping = fc.tuple(flowProgram([0, 1]), flowProgram([0, 1])).map(caseOf);

/** Where a run with this budget stops: the first test point at which so many instructions were executed, or the end. */
function expectedStop(reference: Walk, budget: number): { code: string; at: TestPoint } | undefined {
  const point = reference.points.find((one) => one.instructions >= budget);
  const { end } = reference;
  if (point !== undefined) return { code: 'insn_budget', at: point };
  return end === undefined ? undefined : { code: 'exit', at: end };
}

function isReducible(code: Uint8Array): boolean {
  const instructions = decode(code);
  return findFunctions(instructions).every(
    ({ first, end }) => analyseDominance(buildGraph(instructions.slice(first, end))).reducible,
  );
}

function onClearedMemory<T>(run: (memory: GuestMemory) => T): T {
  try {
    return run(MEMORY);
  } finally {
    MEMORY.clear();
  }
}

/** Runs with every budget in the list and compares. `now` decides how large the slices are. */
function compare({ programs }: Case, reference: Walk, budgets: Iterable<number>, now = () => 0): void {
  onClearedMemory((memory) => {
    const vm = testVm({ programs, maps: MAPS, memory });
    for (const budget of budgets) {
      const expected = expectedStop(reference, budget);
      if (expected === undefined) return;
      const done = runVm(vm, { instructions: budget, deadline: Infinity, now });
      assert.deepEqual(
        { code: done.code, instructions: done.instructions, last: done.last },
        {
          code: expected.code,
          instructions: expected.at.instructions,
          last: { program: expected.at.program, pc: expected.at.pc },
        },
        `budget ${budget}`,
      );
      if (expected.code === 'exit') assert.equal(done.r0, reference.end!.r0);
    }
  });
}

function* upTo(last: number): Generator<number> {
  for (let budget = 1; budget <= last; budget++) yield budget;
}

const SEED = { seed: 20_260_101 };

test('every budget stops where the rule says, with calls of functions', () => {
  const forms = { reducible: 0, irreducible: 0 };
  fc.assert(
    fc.property(alone, (one) => {
      forms[isReducible(one.codes[0]!) ? 'reducible' : 'irreducible']++;
      compare(one, walk(one.codes, 400), upTo(300));
    }),
    { ...SEED, numRuns: 300 },
  );
  assert.ok(forms.reducible > 30 && forms.irreducible > 30, JSON.stringify(forms));
});

test('every budget stops where the rule says, with tail calls between two programs and out of functions', () => {
  let hops = 0;
  fc.assert(
    fc.property(hopping, (one) => {
      const reference = walk(one.codes, 400);
      if (reference.points.some(({ program }) => program === 1)) hops++;
      compare(one, reference, upTo(300));
    }),
    { ...SEED, numRuns: 200 },
  );
  assert.ok(hops > 30, `${hops}`);
});

/** The first slice is a million instructions; a clock that jumps makes the later ones as small, one that stands as large as they get. */
const CLOCKS = {
  jumping: () => {
    let time = 0;
    return () => {
      time += 1e9;
      return time;
    };
  },
  standing: () => () => 0,
};

test('slices of fuel never change where a run stops', () => {
  let endless = 0;
  fc.assert(
    fc.property(alone, fc.integer({ min: 1_000_000, max: 1_040_000 }), (one, budget) => {
      if (endless === 6 || walk(one.codes, 5_000).end !== undefined) return;
      endless++;
      const reference = walk(one.codes, budget + 100);
      for (const clock of Object.values(CLOCKS)) {
        compare(one, reference, [budget, budget + 1, budget + 2, budget + 3], clock());
      }
    }),
    { ...SEED, numRuns: 100 },
  );
  assert.equal(endless, 6);
});
