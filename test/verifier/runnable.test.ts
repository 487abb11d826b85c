import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VerifierReport } from '../../src/verifier/result.ts';
import { verifyRunnable, verifyStructure } from '../../src/verifier/verify.ts';
import { call, chain, EXIT, helper, join, loadMap, map, program, R0, slot } from './build.ts';
import { VERIFIER_ROWS } from './rows.ts';

/** Rules that hold although nothing is verified. */
const ALWAYS = new Set([
  'program_size',
  'call_target',
  'jump_range',
  'load_imm64',
  'map_reference',
  'map_count',
  'map_value_address',
  'map_value_entries',
  'opcode',
  'jump_into_load_imm64',
  'reserved_fields',
  'register',
  'frame_pointer',
  'arena',
  'atomic',
  'packet_load',
  'helper',
]);

for (const { name, program: checked, maps, refused } of VERIFIER_ROWS) {
  test(`runnable: ${name}`, () => {
    const { rejection } = verifyRunnable(checked, maps);
    // What runs unverified need not be what Linux loads, but never the other way round.
    if (refused === null) assert.equal(rejection, null);
    if (rejection !== null) {
      assert.ok(
        ALWAYS.has(rejection.rule) || rejection.rule === 'last_instruction' || rejection.unsupported !== null,
        rejection.rule,
      );
      if (rejection.rule === refused?.rule) assert.equal(rejection.message, refused.message);
    } else if (refused !== null) {
      assert.ok(!ALWAYS.has(refused.rule), `${refused.rule} must hold for unverified programs too`);
    }
  });
}

const letThrough: [name: string, parts: Uint8Array[]][] = [
  ['unreachable code', [R0, EXIT, R0, EXIT]],
  ['division by a constant 0', [R0, slot(0x37), EXIT]],
  ['a function that runs past its end', [call(1), EXIT, R0, call(1), R0, R0, EXIT]],
  ['recursion', [R0, call(-2), EXIT]],
  ['a store below the frame', [R0, slot(0x7b, 10, 0, -520), EXIT]],
  ['a tail call with 0', [slot(0xb7, 2), slot(0xb7, 3), helper(12), R0, EXIT]],
  ['trace_printk without GPL', [helper(6), R0, EXIT]],
];
for (const [name, parts] of letThrough) {
  test(`runnable lets through ${name}`, () => {
    const checked = program(join(parts), { license: 'MIT' });
    assert.equal(verifyRunnable(checked, []).rejection, null);
  });
}

test('runnable walks a chain of 5,000 functions', () => {
  const { code, functions } = chain(Array.from({ length: 5000 }, () => ({ bytes: 0 })));
  assert.equal(verifyRunnable(program(code, { functions }), []).rejection, null);
});

const missing: [feature: string, parts: Uint8Array[]][] = [
  ['a kfunc call', [slot(0x85, 0, 2, 0, 5), EXIT]],
  ['may_goto', [R0, slot(0xe5), EXIT]],
  ['a load-acquire (BPF_LOAD_ACQ)', [R0, slot(0x7a, 10, 0, -8), slot(0xdb, 0, 10, -8, 0x100), EXIT]],
  ['a store-release (BPF_STORE_REL)', [R0, slot(0xdb, 10, 0, -8, 0x110), EXIT]],
  ['lddw of a kernel variable (BPF_PSEUDO_BTF_ID)', [join([slot(0x18, 1, 3), slot(0)]), R0, EXIT]],
  ["lddw of a function's address (BPF_PSEUDO_FUNC)", [join([slot(0x18, 1, 4, 0, 3), slot(0)]), R0, EXIT, R0, EXIT]],
  ['lddw of a map by index (BPF_PSEUDO_MAP_IDX)', [join([slot(0x18, 1, 5), slot(0)]), R0, EXIT]],
  ['lddw of a map value by index (BPF_PSEUDO_MAP_IDX_VALUE)', [join([slot(0x18, 1, 6), slot(0)]), R0, EXIT]],
  ['helper bpf_get_current_pid_tgid#14', [helper(14), EXIT]],
];
for (const [feature, parts] of missing) {
  test(`refused by name: ${feature}`, () => {
    for (const verify of [verifyStructure, verifyRunnable]) {
      const { rejection } = verify(program(join(parts), { type: 'sched_cls' }), []);
      assert.equal(rejection?.rule, 'unsupported');
      assert.equal(rejection.unsupported, feature);
      assert.equal(rejection.errno, 'EOPNOTSUPP');
      assert.match(rejection.message, /is not implemented by this version of Waggle$/);
    }
  });
}

test('a program type that is not there yet is refused by name', () => {
  const { rejection } = verifyRunnable(program(join([R0, EXIT]), { type: 'kprobe' }), []);
  assert.equal(rejection?.unsupported, 'program type kprobe');
});

test('raw programs have the helpers that every type has, and no other', () => {
  assert.equal(verifyRunnable(program(join([helper(7), EXIT]), { type: 'raw' }), []).rejection, null);
  const { rejection } = verifyRunnable(program(join([helper(26), EXIT]), { type: 'raw' }), []);
  assert.equal(rejection?.message, 'program of this type cannot use helper bpf_skb_load_bytes#26');
});

test('the report names frames, tail calls and dead code', () => {
  const { code, functions, hasBtf } = chain([{ bytes: 40 }, { bytes: 16, tailCalls: true }]);
  const report: VerifierReport = verifyStructure(program(code, { functions, hasBtf }), [map('prog_array')]);
  assert.equal(report.rejection, null);
  assert.equal(report.stackDepth, 40);
  assert.deepEqual(
    report.functions.map(({ stackDepth, hasTailCall }) => [stackDepth, hasTailCall]),
    [
      [40, false],
      [16, true],
    ],
  );
  const dead = verifyStructure(program(join([R0, slot(0x15, 0, 0, 3), loadMap(1, 0), helper(1000), EXIT])), [
    map('array'),
  ]);
  assert.deepEqual([dead.rejection, dead.dead, dead.insnsProcessed], [null, [2, 4], 3]);
});

test('the log of a refusal shows the instruction as the kernel does', () => {
  const { rejection } = verifyStructure(program(join([R0, helper(9), EXIT])), []);
  assert.equal(
    rejection?.log,
    '1: (85) call bpf_skb_store_bytes#9\nprogram of this type cannot use helper bpf_skb_store_bytes#9\n' +
      'processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n',
  );
});
