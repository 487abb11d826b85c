/** A state that rows are applied to: what the tables of runs do not show. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TraceState } from '../../src/client/trace-state.ts';
import type { Patch, StepRow, StepState } from '../../src/contract/step.ts';

const REGISTERS = Array.from({ length: 11 }, (_, register) => `0x${register}`);
const START: StepState = {
  step: '0',
  program: 0,
  pc: 0,
  registers: REGISTERS,
  frames: [{ program: 0, function: 0, registers: REGISTERS }],
  stack: { start: -8, hex: '00'.repeat(8) },
  packet: null,
  ctx: null,
  maps: { hash: [{ key: { hex: '01' }, value: { hex: '0000' }, offset: 24 }] },
};
const PROGRAMS = ['entry'];

const row = (changes: Partial<StepRow> = {}): StepRow => ({
  step: '0',
  program: 0,
  pc: 0,
  depth: 0,
  function: 'entry',
  insn: 'r1 = 1',
  ...changes,
});

const store = (offset: number, at: string, value: string): Partial<StepRow> => ({
  mem: { region: 'hash', offset, size: 1, value },
  at,
});

const REFUSED: readonly (readonly [what: string, changes: Partial<StepRow>, message: RegExp])[] = [
  ['another step', { step: '1' }, /step 1 follows where 0 must/],
  ['another program', { program: 1 }, /step 0: its frame/],
  ['a deeper frame', { depth: 1 }, /step 0: its frame/],
  ['a map that is none', { patches: [{ step: '0', map: 'other', key: '', deleted: true }] }, /no map 'other'/],
  ['a store to no element', store(0, 'hash-8', '0x1'), /hash-8 is no place/],
  [
    'a tail call to nowhere',
    { call: { helper: 'bpf_tail_call', arguments: [], result: 'absent' } },
    /no program 'absent'/,
  ],
  ['r10 by an instruction that is no call', { dst: 10, value: '0x1' }, /r1 = 1 writes r10/],
];

for (const [what, changes, message] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(() => new TraceState(PROGRAMS, START).apply(row(changes), null), {
      name: 'TraceStateError',
      message,
    });
  });
}

test('the elements of a hash are followed by the places of their values', () => {
  const state = new TraceState(PROGRAMS, START);
  let step = 0;
  const apply = (changes: Partial<StepRow>) => {
    state.apply(row({ step: String(step), ...changes }), { program: 0, pc: 0 });
    step++;
  };
  const patches = (...list: Patch[]) => ({ patches: list });
  const place = (offset: number, bytes: string): Patch => ({ step: String(step), region: 'hash', offset, bytes });
  const element = (key: string, value: string): Patch => ({ step: String(step), map: 'hash', key, value });
  const values = () =>
    Object.fromEntries(state.state().maps.hash!.map(({ key, value, offset }) => [key.hex, [value.hex, offset]]));

  // Elements of 32 bytes, with the value 24 bytes behind their start.
  apply(store(25, 'hash[0]+25', '0x7'));
  assert.deepEqual(values(), { '01': ['0007', 24] });
  apply(patches(place(56, 'aabb'), element('02', 'aabb')));
  apply(store(56, 'hash[1]+24', '0x9'));
  assert.deepEqual(values(), { '01': ['0007', 24], '02': ['09bb', 56] });
  // Who still points to a deleted element changes nothing, also when its key has come back elsewhere.
  apply(patches({ step: String(step), map: 'hash', key: '01', deleted: true }));
  apply(store(24, 'hash[0]+24', '0x5'));
  apply(patches(place(88, '0000'), element('01', '0000')));
  apply(store(24, 'hash[0]+24', '0x5'));
  assert.deepEqual(values(), { '01': ['0000', 88], '02': ['09bb', 56] });
  // The place is used again by another key.
  apply(patches(place(24, '1111'), element('03', '1111')));
  apply(store(24, 'hash[0]+24', '0x5'));
  assert.deepEqual(values(), { '01': ['0000', 88], '02': ['09bb', 56], '03': ['0511', 24] });
});
