/** Helper 12 in every program type: our tables, our verifier, and Linux where it loads the type without an attach target. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HELPER } from '../../src/spec/helper-numbers.ts';
import { helperAvailable } from '../../src/spec/helper-types.ts';
import type { ProgramSpec } from '../../src/spec/object.ts';
import { PROGRAM_TYPES, type ProgramType } from '../../src/spec/programs.ts';
import { verifyStructure } from '../../src/verifier/verify.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel } from '../support/kernel/kernel.ts';
import { EXIT, join, loadMap, map, program, R0, slot, TAIL_CALL } from '../verifier/build.ts';

/** Attach types without which Linux does not load a type at all. */
const ATTACH_TYPES: Partial<Record<ProgramType, string>> = {
  cgroup_sock_addr: 'cgroup_inet4_connect',
  cgroup_sockopt: 'cgroup_getsockopt',
  sk_lookup: 'sk_lookup',
  netfilter: 'netfilter',
};
/** Types that Linux loads only with BTF of an attach target, or that a kernel may lack; and raw, which it does not have. */
const NOT_ON_LINUX: readonly ProgramType[] = ['raw', 'lirc_mode2', 'tracing', 'struct_ops', 'ext', 'lsm'];

const TYPES = Object.keys(PROGRAM_TYPES) as ProgramType[];

function calling(type: ProgramType): ProgramSpec {
  return program(join([loadMap(2, 0), slot(0xb7, 3), TAIL_CALL, R0, EXIT]), {
    type,
    attachType: ATTACH_TYPES[type] ?? null,
    flags: type === 'syscall' ? ['sleepable'] : [],
  });
}

for (const type of TYPES) {
  test(`${type}: helper 12`, () => {
    const { implemented, tailCalls } = PROGRAM_TYPES[type];
    assert.equal(helperAvailable(type, HELPER.tail_call), true);
    const { rejection } = verifyStructure(calling(type), [map('prog_array')]);
    if (tailCalls === 'no') {
      assert.deepEqual(
        [rejection?.rule, rejection?.errno, rejection?.message],
        ['sleepable_map', 'EINVAL', 'Sleepable programs can only use array, hash, ringbuf and local storage maps'],
      );
    } else assert.equal(rejection?.unsupported ?? null, implemented ? null : `program type ${type}`);
  });

  test(`${type}: a rule that is broken is told, also where the type is not implemented`, () => {
    const broken = { ...calling(type), code: join([R0, slot(0xff), EXIT]) };
    assert.equal(verifyStructure(broken, []).rejection?.message, 'unknown opcode ff');
  });
}

test('types that do not stand in prog arrays', () => {
  const others = TYPES.filter((type) => PROGRAM_TYPES[type].tailCalls !== 'yes');
  assert.deepEqual(others, ['ext', 'syscall']);
  assert.deepEqual([PROGRAM_TYPES.ext.tailCalls, PROGRAM_TYPES.syscall.tailCalls], ['call_only', 'no']);
});

describe('the same on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const type of TYPES.filter((each) => !NOT_ON_LINUX.includes(each))) {
    test(`${type}: loads with helper 12 and stands in a prog array`, () => {
      using kernel = new Kernel();
      const { map: array } = kernel.createMap(map('prog_array'));
      const { descriptor, errno, log } = kernel.load(calling(type), [array!]);
      if (PROGRAM_TYPES[type].tailCalls === 'no') {
        assert.equal(errno, 'EINVAL');
        assert.match(log, /^Sleepable programs can only use array, hash, ringbuf and local storage maps$/m);
      } else {
        assert.ok(descriptor !== undefined, `${errno} ${log}`);
        assert.equal(kernel.setSlot(array!, 0, descriptor), null);
      }
    });
  }
});
