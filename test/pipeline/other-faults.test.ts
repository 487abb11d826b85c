/** Faults beside plain accesses: bytes that are open one way only, arguments of helpers, control flow that only an unverified program has. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RunDescription, resultOf, stillServes } from '../support/engine-run.ts';

/** Leaves the address of an element's value in r2. */
const lookup = (element: number): string => `*(u32 *)(r10 - 4) = ${element}
r1 = m ll
r2 = r10
r2 += -4
call map_lookup_elem
r2 = r0
`;
/** Bytes that are open for one kind of access only. */
const ONE_WAY: readonly {
  readonly name: string;
  readonly run: RunDescription;
  readonly code: string;
  readonly region: string;
  readonly message: RegExp;
}[] = [
  {
    name: 'store to xdp_md.data',
    run: { programs: { p: '*(u32 *)(r1 + 0) = 1\nr0 = 0\nexit' } },
    code: 'readonly_write',
    region: 'ctx',
    message: /^write of 4 bytes at ctx\+0 .*may only be read$/,
  },
  {
    name: 'store that straddles a writable field of __sk_buff',
    run: { type: 'sched_cls', programs: { p: '*(u32 *)(r1 + 6) = 1\nr0 = 0\nexit' } },
    code: 'readonly_write',
    region: 'ctx',
    message: /^write of 4 bytes at ctx\+6 /,
  },
  {
    name: 'atomic on xdp_md.data',
    run: { programs: { p: 'r2 = 1\nlock *(u32 *)(r1 + 0) += r2\nr0 = 0\nexit' } },
    code: 'readonly_write',
    region: 'ctx',
    message: /^write of 4 bytes/,
  },
  {
    name: 'load of a field that the type may not read',
    run: { programs: { p: 'r0 = *(u32 *)(r1 + 20)\nexit' } },
    code: 'oob_read',
    region: 'ctx',
    message: /^read of 4 bytes at ctx\+20 /,
  },
  {
    name: 'load that straddles such a field',
    run: { programs: { p: 'r0 = *(u64 *)(r1 + 16)\nexit' } },
    code: 'oob_read',
    region: 'ctx',
    message: /^read of 8 bytes at ctx\+16 /,
  },
  {
    name: 'store to a map that is read-only for programs',
    run: {
      programs: { p: `${lookup(0)}*(u8 *)(r2 + 0) = 1\nr0 = 0\nexit` },
      maps: { m: { type: 'array', flags: ['rdonly_prog'] } },
    },
    code: 'readonly_write',
    region: 'm',
    message: /^write of 1 byte at m\[0\]\+0 /,
  },
  {
    name: 'load from a map that is write-only for programs',
    run: {
      programs: { p: `${lookup(0)}r0 = *(u8 *)(r2 + 7)\nexit` },
      maps: { m: { type: 'array', flags: ['wronly_prog'] } },
    },
    code: 'oob_read',
    region: 'm',
    message: /^read of 1 byte at m\[0\]\+7 /,
  },
  {
    name: "load above a callee's frame",
    run: { programs: { p: '*(u64 *)(r10 - 512) = 0\ncall f\nexit\nf:\nr0 = *(u64 *)(r10 + 0)\nexit' } },
    code: 'oob_read',
    region: 'stack',
    message: /^read of 8 bytes/,
  },
  {
    name: "load below an entry program's 512 bytes after the callee is gone",
    run: {
      programs: {
        p: '*(u64 *)(r10 - 488) = 0\ncall f\nr1 = *(u64 *)(r0 + 0)\nexit\nf:\n*(u64 *)(r10 - 8) = r10\nr0 = r10\nr0 += -8\nexit',
      },
    },
    code: 'oob_read',
    region: '',
    message: /^read of 8 bytes/,
  },
];

describe('bytes that are open for one kind of access only', () => {
  for (const { name, run, code, region, message } of ONE_WAY) {
    test(name, () => {
      const { outcome, fault } = resultOf({ ...run, verify: 'off' });
      assert.equal(outcome.code, code, fault?.message);
      if (region !== '') assert.equal(fault?.region, region);
      assert.match(fault?.message ?? '', message);
      stillServes();
    });
  }
});

const HASH = { m: { type: 'hash', keySize: 4, valueSize: 8, maxEntries: 4 } };
const ARRAY = { m: { type: 'array', valueSize: 8, maxEntries: 4 } };
/** Arguments of helpers: register, and what is wrong with it. */
const ARGUMENTS: readonly {
  readonly name: string;
  readonly run: RunDescription;
  readonly code: string;
  readonly size: number | null;
  readonly access?: string | null;
  readonly message: RegExp;
}[] = [
  {
    name: 'lookup in a hash, key straddles the top of the stack',
    run: { programs: { p: 'r1 = m ll\nr2 = r10\nr2 += -2\ncall map_lookup_elem\nr0 = 0\nexit' }, maps: HASH },
    code: 'oob_read',
    size: 4,
    message: /^R2: read of 4 bytes at stack-2 /,
  },
  {
    name: 'lookup in an array, written in place',
    run: { programs: { p: 'r1 = m ll\nr2 = r10\nr2 += -2\ncall map_lookup_elem\nr0 = 0\nexit' }, maps: ARRAY },
    code: 'oob_read',
    size: 4,
    message: /read of 4 bytes at stack-2 /,
  },
  {
    name: 'lookup with a null key',
    run: { programs: { p: 'r1 = m ll\nr2 = 0\ncall map_lookup_elem\nr0 = 0\nexit' }, maps: HASH },
    code: 'null_deref',
    size: 4,
    message: /^R2: read of 4 bytes/,
  },
  {
    name: 'update, value behind the packet',
    run: {
      programs: {
        p: 'r3 = *(u32 *)(r1 + 4)\nr3 += -7\n*(u32 *)(r10 - 4) = 0\nr1 = m ll\nr2 = r10\nr2 += -4\nr4 = 0\ncall map_update_elem\nr0 = 0\nexit',
      },
      maps: HASH,
    },
    code: 'oob_read',
    size: 8,
    message: /^R3: read of 8 bytes at packet\+57 /,
  },
  {
    name: 'delete, wild key',
    run: { programs: { p: 'r1 = m ll\nr2 = -1\ncall map_delete_elem\nr0 = 0\nexit' }, maps: HASH },
    code: 'oob_read',
    size: 4,
    message: /^R2: read of 4 bytes at 0xffffffffffffffff: no region/,
  },
  {
    name: 'lookup, R1 is a number',
    run: { programs: { p: 'r1 = 7\nr2 = r10\nr2 += -8\ncall map_lookup_elem\nr0 = 0\nexit' }, maps: HASH },
    code: 'bad_argument',
    size: null,
    access: null,
    message: /^R1 is not a map$/,
  },
  {
    name: 'lookup, R1 is near a map',
    run: { programs: { p: 'r1 = m ll\nr1 += 4\nr2 = r10\nr2 += -8\ncall map_lookup_elem\nr0 = 0\nexit' }, maps: HASH },
    code: 'bad_argument',
    size: null,
    access: null,
    message: /^R1 is not a map$/,
  },
  {
    name: 'lookup, R1 is where no map is',
    run: { programs: { p: 'r1 = m ll\nr1 += 64\nr2 = r10\nr2 += -8\ncall map_lookup_elem\nr0 = 0\nexit' }, maps: HASH },
    code: 'bad_argument',
    size: null,
    access: null,
    message: /^R1 is not a map$/,
  },
  {
    name: 'print, format behind the stack',
    run: { programs: { p: 'r1 = r10\nr1 += -4\nr2 = 8\ncall trace_printk\nr0 = 0\nexit' } },
    code: 'oob_read',
    size: 8,
    message: /^R1: read of 8 bytes at stack-4 /,
  },
  {
    name: 'tail call, R1 is not the context',
    run: {
      programs: { p: 'r1 = 5\nr2 = c ll\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit' },
      maps: { c: { slots: { 0: 'p' } } },
    },
    code: 'bad_argument',
    size: null,
    access: null,
    message: /^R1 of the tail call is 0x5, not the context$/,
  },
  {
    name: 'tail call, R1 is the context and a bit',
    run: {
      programs: { p: 'r1 += 8\nr2 = c ll\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit' },
      maps: { c: { slots: { 0: 'p' } } },
    },
    code: 'bad_argument',
    size: null,
    access: null,
    message: /^R1 of the tail call is 0x[0-9a-f]+, not the context$/,
  },
  {
    name: 'tail call, R2 from memory is a number',
    run: { programs: { p: '*(u64 *)(r10 - 8) = 9\nr2 = *(u64 *)(r10 - 8)\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit' } },
    code: 'bad_argument',
    size: null,
    access: null,
    message: /^R2 of the tail call is 0x9, not a prog_array$/,
  },
  {
    name: 'tail call, R2 from memory is another map',
    run: {
      programs: {
        p: 'r2 = m ll\n*(u64 *)(r10 - 8) = r2\nr2 = *(u64 *)(r10 - 8)\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit',
      },
      maps: HASH,
    },
    code: 'bad_argument',
    size: null,
    access: null,
    message: /not a prog_array$/,
  },
  {
    name: 'tail call, R2 from memory has a high half',
    run: {
      programs: { p: 'r2 = c ll\nr4 = 1\nr4 <<= 32\nr2 += r4\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit' },
      maps: { c: { slots: { 0: 'p' } } },
    },
    code: 'bad_argument',
    size: null,
    access: null,
    message: /not a prog_array$/,
  },
];

describe('arguments of helpers', () => {
  for (const { name, run, code, size, access = 'read', message } of ARGUMENTS) {
    test(name, () => {
      const { outcome, fault, last } = resultOf({ ...run, verify: 'off' });
      assert.equal(outcome.code, code, fault?.message);
      assert.equal(fault?.size, size);
      assert.equal(fault?.access, access);
      assert.match(fault?.insn ?? '', /^call bpf_/);
      assert.equal(last?.pc, fault?.pc);
      assert.match(fault?.message ?? '', message);
      stillServes();
    });
  }

  test('a prog array that comes from memory is one', () => {
    const { outcome, returnValue, chain } = resultOf({
      programs: {
        p: 'r2 = c ll\n*(u64 *)(r10 - 8) = r2\nr2 = *(u64 *)(r10 - 8)\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit',
        q: 'r0 = 3\nexit',
      },
      maps: { other: {}, c: { slots: { 0: 'q' } } },
      verify: 'off',
    });
    assert.deepEqual([outcome.code, returnValue, chain[0]?.map], ['exit', 3, 'c']);
  });
});

/** Control flow that only an unverified program has. */
const CONTROL: readonly {
  readonly name: string;
  readonly run: RunDescription;
  readonly code: string;
  readonly pc: number;
  readonly message: RegExp;
}[] = [
  {
    name: 'a function runs past its end',
    run: { programs: { p: 'call f\ncall g\nexit\nf:\nr0 = 1\ng:\nr0 = 2\nexit' } },
    code: 'bad_insn',
    pc: 3,
    message: /runs past the function's last instruction/,
  },
  {
    name: 'a program runs into its function',
    run: { programs: { p: 'r0 = 1\ncall f\nf:\nr0 = 2\nexit' } },
    code: 'bad_insn',
    pc: 1,
    message: /runs past/,
  },
  {
    name: 'recursion without end',
    run: { programs: { p: 'call f\nexit\nf:\ncall f\nexit' } },
    code: 'call_depth',
    pc: 2,
    message: /9th frame/,
  },
  {
    name: 'nine functions',
    run: {
      programs: {
        p: `call f1\nexit\n${[1, 2, 3, 4, 5, 6, 7].map((n) => `f${n}:\ncall f${n + 1}\nexit\n`).join('')}f8:\nr0 = 0\nexit`,
      },
    },
    code: 'call_depth',
    pc: 14,
    message: /limit is 8/,
  },
  {
    name: 'frames of 512 + 16 bytes',
    run: { programs: { p: '*(u8 *)(r10 - 512) = 1\ncall f\nexit\nf:\n*(u8 *)(r10 - 1) = 1\nr0 = 0\nexit' } },
    code: 'stack_overflow',
    pc: 1,
    message: /more than 512 bytes/,
  },
  {
    name: 'recursion with frames of 128 bytes',
    run: { programs: { p: 'call f\nexit\nf:\n*(u8 *)(r10 - 128) = 1\ncall f\nexit' } },
    code: 'stack_overflow',
    pc: 3,
    message: /more than 512 bytes/,
  },
];

describe('control flow', () => {
  for (const { name, run, code, pc, message } of CONTROL) {
    test(name, () => {
      const { outcome, fault } = resultOf({ ...run, verify: 'off' });
      assert.equal(outcome.code, code, fault?.message);
      assert.equal(fault?.pc, pc);
      assert.deepEqual([fault?.address, fault?.access, fault?.size, fault?.region], [null, null, null, null]);
      assert.match(fault?.message ?? '', message);
      stillServes();
    });
  }

  test('8 frames of 64 bytes are just not too many', () => {
    const functions = [1, 2, 3, 4, 5, 6].map((n) => `f${n}:\n*(u8 *)(r10 - 64) = 1\ncall f${n + 1}\nexit\n`).join('');
    const { outcome } = resultOf({
      programs: { p: `*(u8 *)(r10 - 64) = 1\ncall f1\nexit\n${functions}f7:\n*(u8 *)(r10 - 64) = 1\nr0 = 0\nexit` },
      verify: 'off',
    });
    assert.equal(outcome.code, 'exit');
  });
});
