/** Runs whose programs are named by id: they do what they do with everything inline, and their maps are linked by name. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunResult } from '../../src/contract/result.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import { Engine } from '../../src/pipeline/engine.ts';
import { bytesOf, chainText, problemOf, type RunDescription, runSpec, runTask } from '../support/engine-run.ts';
import { objectBytes } from '../support/fixtures.ts';
import { ALL_RUNS } from '../support/run-body.ts';
import { byId, requestOf, storedObject, storedProgram } from '../support/stored-runs.ts';

function resultOf(spec: RunSpec, options: Parameters<typeof runTask>[1] = {}): RunResult {
  const answer = runTask(spec, options);
  assert.equal(answer.kind, 'result', JSON.stringify(answer));
  return (answer as Extract<typeof answer, { kind: 'result' }>).result;
}

/** What may differ: how long it took, what was known, what it is called. */
function comparable(result: RunResult): object {
  return { ...result, runKey: null, timing: null, cache: null };
}

test('every run that tests know gives the same result by id', () => {
  let compared = 0;
  for (const [name, description] of ALL_RUNS) {
    const spec = runSpec(description);
    const inline = runTask(spec);
    if (inline.kind === 'problem') continue;
    assert.deepEqual(comparable(resultOf(byId(spec))), comparable(inline.result), name);
    compared += 1;
  }
  assert.ok(compared > 80, `${compared} runs`);
});

const CALL = 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit';
const ENTRY: RunDescription = {
  programs: { entry: CALL },
  maps: { chain: { maxEntries: 2, slots: { 0: 'next' } } },
  returnMaps: [],
};
const COUNT = `r1 = hits ll
r2 = r10
r2 += -4
*(u32 *)(r10 - 4) = 0
call bpf_map_lookup_elem
if r0 == 0 goto none
r1 = 1
lock *(u64 *)(r0 + 0) += r1
r0 = *(u64 *)(r0 + 0)
none:
exit`;
const HITS: RunDescription = {
  programs: { count: COUNT },
  maps: { hits: { entries: [['00000000', '0500000000000000']] } },
};

/** The first program of a description as it is stored, under a name in a run. */
function storedAs(name: string, description: RunDescription, index = 0) {
  const spec = runSpec(description);
  return requestOf(storedProgram(spec.programs[0]!, spec.maps), name, index);
}

/** A run of stored programs, with what else a description brings. */
function runOf(programs: RunSpec['programs'], rest: RunDescription = {}): RunSpec {
  const spec = runSpec({ returnMaps: [], ...rest });
  return { ...spec, programs: [...programs, ...spec.programs], entry: rest.entry ?? programs[0]!.name };
}

test('an initial slot holds the program of its name, and is empty when the run has none', () => {
  const next: RunDescription = { programs: { next: 'r0 = 2\nexit' } };
  const alone = resultOf(runOf([storedAs('entry', ENTRY)]));
  assert.deepEqual([alone.returnValue, alone.chain.map(chainText)], [1, ['entry:3 chain[0] empty']]);
  for (const both of [
    runOf([storedAs('entry', ENTRY), storedAs('next', next, 1)]),
    runOf([storedAs('entry', ENTRY)], next),
    runOf([storedAs('a', ENTRY), storedAs('b', next, 1)], {
      maps: { chain: { type: null, keySize: null, valueSize: null, maxEntries: null, slots: { 0: 'b' } } },
    }),
  ]) {
    const result = resultOf(both);
    assert.deepEqual([result.returnValue, result.counters.tailCalls], [2, 1]);
  }
});

test('a program has the name that the run gives it', () => {
  const { last, chain } = resultOf(runOf([storedAs('another', ENTRY)]));
  assert.deepEqual([last?.program, chain[0]?.from], ['another', 'another']);
  const wrong: RunDescription = { programs: { w: 'r0 = 0\nexit\nr0 = 1\nexit' } };
  assert.deepEqual(resultOf(runOf([storedAs('dead', wrong)])).rejection?.program, 'dead');
  const fault: RunDescription = { programs: { f: 'r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit' } };
  const source = resultOf(runOf([storedAs('reader', fault)], { verify: 'off' })).fault?.source;
  assert.deepEqual(source, { file: 'reader.s', line: 2, text: 'r0 = *(u8 *)(r1 + 0)' });
});

const SETTING = { type: null, keySize: null, valueSize: null, maxEntries: null } as const;

test('maps of one name are one map; elements of the request come behind those that a program brings', () => {
  assert.equal(resultOf(runOf([storedAs('count', HITS)])).returnValue, 6);
  const set = {
    maps: { hits: { ...SETTING, entries: [['00000000', '0900000000000000']] as const } },
    returnMaps: ['hits'],
  };
  const result = resultOf(runOf([storedAs('count', HITS)], set));
  assert.deepEqual(result.output.maps.hits, [{ key: { hex: '00000000' }, value: { hex: '0a00000000000000' } }]);
  // Two stored programs count in the same element.
  const first = storedAs('first', {
    programs: { first: `r6 = r1\n${COUNT.replace(/exit$/, '')}r1 = r6\n${CALL}` },
    maps: { ...HITS.maps, chain: { slots: { 0: 'last' } } },
  });
  const shared = runOf([first, storedAs('last', HITS, 1)], { maps: { hits: { ...SETTING } }, returnMaps: ['hits'] });
  assert.deepEqual(resultOf(shared).output.maps.hits?.[0]?.value, { hex: '0700000000000000' });
});

test("a request's own instructions count the object's maps and the request's, not those of stored programs", () => {
  const mine = runSpec({ programs: { mine: 'r1 = own ll\nr0 = 7\nexit' }, maps: { own: {} } });
  const code = bytesOf('1811000000000000000000000000000' + '0b70000000700000095000000' + '00000000');
  const insns = { ...mine.programs[0]!, source: { kind: 'insns', bytes: code } as const };
  const spec: RunSpec = { ...mine, programs: [storedAs('count', HITS), insns], entry: 'mine' };
  assert.equal(resultOf(spec).returnValue, 7);
});

const UNLINKED: readonly (readonly [field: string, map: NonNullable<RunDescription['maps']>[string], text: RegExp])[] =
  [
    ['type', { type: 'hash' }, /'count' has a map 'hits' with type array, and here its type is hash/],
    ['valueSize', { valueSize: 16 }, /valueSize 8, and here its valueSize is 16/],
  ];

for (const [field, map, text] of UNLINKED) {
  test(`a map of another ${field} is not linked`, () => {
    // Another stored program brings the map first.
    const other = storedAs('other', { programs: { other: 'r1 = hits ll\nr0 = 1\nexit' }, maps: { hits: map } });
    const problem = problemOf(runOf([other, storedAs('count', HITS, 1)]));
    assert.deepEqual([problem.code, problem.errors?.[0]?.pointer], ['bad_reference', '/programs/1/id']);
    assert.match(problem.detail, text);
    // And settings of a request must not contradict.
    const { code } = problemOf(runOf([storedAs('count', HITS)], { maps: { hits: { ...SETTING, ...map } } }));
    assert.equal(code, 'bad_map');
  });
}

test('more elements than a program was stored with are no other map', () => {
  const set = { maps: { hits: { ...SETTING, maxEntries: 9 } }, returnMaps: ['hits'] };
  const { output } = resultOf(runOf([storedAs('count', HITS)], set));
  assert.equal(output.maps.hits?.length, 9);
});

test('global data of one object is shared, and of two objects apart', () => {
  const programs = storedObject(objectBytes('data.o'));
  const other = storedObject(objectBytes('data.clang-16.o'));
  const maps = (requests: RunSpec['programs']): readonly string[] => {
    const answer = runTask(runOf(requests));
    assert.equal(answer.kind, 'result', JSON.stringify(answer));
    return (answer as Extract<typeof answer, { kind: 'result' }>).replay!.maps;
  };
  const one = maps(programs.map((program, index) => requestOf(program, `p${index}`, index)));
  assert.ok(one.includes('.bss') && one.includes('.data'), one.join());
  const both = maps([programs[0]!, other[0]!].map((program, index) => requestOf(program, `p${index}`, index)));
  assert.deepEqual(
    both.filter((name) => name.startsWith('p1.')),
    one.filter((name) => name.startsWith('.') && !name.startsWith('.rodata')).map((name) => `p1${name}`),
  );
});

test('the run key of a run by id depends on the id, and not on the form that came along', () => {
  const spec = runOf([storedAs('entry', ENTRY)]);
  const key = resultOf(spec).runKey;
  assert.equal(resultOf({ ...spec, tenant: 'another' }).runKey, key);
  assert.notEqual(resultOf(runOf([storedAs('entry', HITS)])).runKey, key);
  assert.notEqual(resultOf(runOf([storedAs('renamed', ENTRY)])).runKey, key);
});

test('what one tenant has run is unknown to another one', () => {
  const inline = { ...runSpec(ENTRY), maps: runSpec({ maps: { chain: { maxEntries: 2, type: 'prog_array' } } }).maps };
  for (const spec of [inline, runOf([storedAs('entry', ENTRY)])]) {
    const engine = new Engine();
    assert.deepEqual(
      ['a', 'a', 'b', 'b', 'a', ''].map((tenant) => resultOf({ ...spec, tenant }, { engine }).cache.programs),
      ['miss', 'hit', 'miss', 'hit', 'hit', 'miss'],
    );
  }
});
