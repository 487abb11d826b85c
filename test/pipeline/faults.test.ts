/** Accesses outside what is open: each is a fault that names everything, and the engine serves the next run. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SHADOW_OFFSET } from '../../src/contract/memory.ts';
import type { RunResult } from '../../src/contract/result.ts';
import { type RunDescription, resultOf, stillServes } from '../support/engine-run.ts';

type Size = 1 | 2 | 4 | 8;
const SIZES: readonly Size[] = [1, 2, 4, 8];
const WIDTH = { 1: 'u8', 2: 'u16', 4: 'u32', 8: 'u64' } as const;

interface Access {
  readonly kind: 'load' | 'store' | 'store imm' | 'atomic';
  readonly access: 'read' | 'write';
  readonly sizes: readonly Size[];
  readonly text: (size: Size, offset: number) => string;
  readonly printed: (size: Size, offset: number) => string;
}

const signed = (offset: number): string => (offset < 0 ? `${offset}` : `+${offset}`);
const ACCESSES: readonly Access[] = [
  {
    kind: 'load',
    access: 'read',
    sizes: SIZES,
    text: (size, offset) => `r0 = *(${WIDTH[size]} *)(r2 + ${offset})`,
    printed: (size, offset) => `r0 = *(${WIDTH[size]} *)(r2 ${signed(offset)})`,
  },
  {
    kind: 'store',
    access: 'write',
    sizes: SIZES,
    text: (size, offset) => `*(${WIDTH[size]} *)(r2 + ${offset}) = r9`,
    printed: (size, offset) => `*(${WIDTH[size]} *)(r2 ${signed(offset)}) = r9`,
  },
  {
    kind: 'store imm',
    access: 'write',
    sizes: [4],
    text: (size, offset) => `*(${WIDTH[size]} *)(r2 + ${offset}) = 7`,
    printed: (size, offset) => `*(${WIDTH[size]} *)(r2 ${signed(offset)}) = 7`,
  },
  {
    kind: 'atomic',
    access: 'write',
    sizes: [4, 8],
    text: (size, offset) => `lock *(${WIDTH[size]} *)(r2 + ${offset}) += r9`,
    printed: (size, offset) => `lock *(${WIDTH[size]} *)(r2 ${signed(offset)}) += r9`,
  },
];

/** A region: instructions that leave in r2 the address of offset 0, and which offsets are open. */
interface RegionRow {
  readonly name: string;
  readonly run: Omit<RunDescription, 'programs'>;
  readonly setup: string;
  readonly low: number;
  readonly high: number;
  readonly writable: boolean;
  /** What an offset from r2 is called in the message. */
  readonly symbol: (offset: number) => string;
  readonly region: string;
}

const lookup = (element: number): string => `*(u32 *)(r10 - 4) = ${element}
r1 = m ll
r2 = r10
r2 += -4
call map_lookup_elem
r2 = r0
`;
const VALUE_BYTES = 20;
/** Values lie at multiples of 24, so that closed bytes follow each. */
const VALUE_STRIDE = 24;
const elementSymbol = (element: number) => (offset: number) => {
  const at = element * VALUE_STRIDE + offset;
  if (at < 0) return `m${at}`;
  return `m[${Math.floor(at / VALUE_STRIDE)}]+${at % VALUE_STRIDE}`;
};
const mapRow = (element: number): RegionRow => ({
  name: `array value ${element} of 3`,
  run: { maps: { m: { type: 'array', valueSize: VALUE_BYTES, maxEntries: 3 } } },
  setup: lookup(element),
  low: 0,
  high: VALUE_BYTES,
  writable: true,
  symbol: elementSymbol(element),
  region: 'm',
});

const REGIONS: readonly RegionRow[] = [
  {
    name: 'ctx',
    run: { type: 'xdp' },
    setup: 'r2 = r1\n',
    low: 0,
    // Behind it lies egress_ifindex, which only other attach types read.
    high: 20,
    writable: false,
    symbol: (offset) => `ctx${signed(offset)}`,
    region: 'ctx',
  },
  {
    name: 'packet',
    run: { type: 'xdp', packet: new Uint8Array(61) },
    setup: 'r2 = *(u32 *)(r1 + 0)\n',
    low: 0,
    high: 61,
    writable: true,
    symbol: (offset) => `packet${signed(offset)}`,
    region: 'packet',
  },
  {
    name: 'bytes of a raw program',
    run: { type: 'raw', packet: new Uint8Array(33) },
    setup: 'r2 = r1\n',
    low: 0,
    high: 33,
    writable: true,
    symbol: (offset) => `packet${signed(offset)}`,
    region: 'packet',
  },
  {
    name: 'stack at known offsets',
    run: {},
    setup: 'r2 = r10\n',
    low: -512,
    high: 0,
    writable: true,
    symbol: (offset) => `stack${signed(offset)}`,
    region: 'stack',
  },
  {
    name: 'stack at an offset that is known at run time only',
    run: {},
    setup: 'r3 = 8\nr2 = r10\nr2 -= r3\nr2 += 8\n',
    low: -512,
    high: 0,
    writable: true,
    symbol: (offset) => `stack${signed(offset)}`,
    region: 'stack',
  },
  mapRow(0),
  mapRow(1),
  mapRow(2),
  {
    name: 'per-CPU array value',
    run: { maps: { m: { type: 'percpu_array', valueSize: VALUE_BYTES, maxEntries: 2 } } },
    setup: lookup(1),
    low: 0,
    high: VALUE_BYTES,
    writable: true,
    symbol: elementSymbol(1),
    region: 'm',
  },
  {
    name: 'hash value',
    run: {
      maps: {
        m: { type: 'hash', valueSize: VALUE_BYTES, maxEntries: 2, entries: [['02000000', '00'.repeat(VALUE_BYTES)]] },
      },
    },
    setup: lookup(2),
    low: 0,
    high: VALUE_BYTES,
    writable: true,
    symbol: (offset) => (offset < 0 ? `m${offset}` : `m[0]+${offset}`),
    region: 'm',
  },
];

/** `r9 = 0` first, then the setup, the access, and an exit that must not be reached. */
function runAccess(row: Pick<RegionRow, 'run' | 'setup'>, access: string): RunResult {
  return resultOf({ ...row.run, programs: { p: `r9 = 0\n${row.setup}${access}\nr0 = 77\nexit` }, verify: 'off' });
}

function addressOf(row: RegionRow): bigint {
  const { r0 } = resultOf({ ...row.run, programs: { p: `r9 = 0\n${row.setup}r0 = r2\nexit` }, verify: 'off' });
  return BigInt(r0 ?? 0);
}

/** Slots of `r9 = 0` and the setup: where the access stands. */
function slotsOf(setup: string): number {
  return 1 + setup.trim().split('\n').length + (setup.includes(' ll') ? 1 : 0);
}

function offsetsAround(row: RegionRow, size: Size): { inside: number[]; outside: number[] } {
  const { low, high } = row;
  return {
    inside: [low, high - size],
    outside: [...new Set([low - 1, low - size, high - size + 1, high - 1 + (size === 1 ? 1 : 0), high])],
  };
}

describe('both ends of each region', () => {
  for (const row of REGIONS) {
    for (const { kind, access, sizes, text, printed } of ACCESSES) {
      test(`${row.name}: ${kind}`, () => {
        const base = addressOf(row);
        for (const size of sizes) {
          const { inside, outside } = offsetsAround(row, size);
          for (const offset of inside) {
            const { outcome, fault } = runAccess(row, text(size, offset));
            const expected = access === 'write' && !row.writable ? 'readonly_write' : 'exit';
            assert.equal(outcome.code, expected, `${size} bytes at ${offset}: ${fault?.message}`);
          }
          for (const offset of outside) {
            const { outcome, fault, last, returnValue } = runAccess(row, text(size, offset));
            const code = access === 'write' ? 'oob_write' : 'oob_read';
            const address = `0x${(base + BigInt(offset)).toString(16)}`;
            const pc = slotsOf(row.setup);
            assert.deepEqual(outcome, { kind: 'fault', code }, `${size} bytes at ${offset}`);
            assert.ok(fault);
            const { message, source, ...facts } = fault;
            assert.deepEqual(facts, {
              code,
              program: 'p',
              pc,
              insn: printed(size, offset),
              address,
              access,
              size,
              region: row.region,
            });
            assert.equal(source?.text, text(size, offset));
            assert.ok(
              message.startsWith(
                `${access} of ${size} byte${size === 1 ? '' : 's'} at ${row.symbol(offset)} (${address}), outside`,
              ),
              message,
            );
            assert.deepEqual(last, { program: 'p', pc, insn: printed(size, offset) });
            assert.equal(returnValue, null);
          }
        }
        stillServes();
      });
    }
  }
});

const WILD: readonly (readonly [address: bigint, code: 'null_deref' | 'oob'])[] = [
  [0n, 'null_deref'],
  [1n, 'null_deref'],
  [0x100n, 'null_deref'],
  [0xffffn, 'null_deref'],
  [0x1_0000n, 'oob'],
  [0x2_0000n, 'oob'],
  [0x4_0000n, 'oob'],
  [BigInt(SHADOW_OFFSET) - 8n, 'oob'],
  [BigInt(SHADOW_OFFSET) - 1n, 'oob'],
  [BigInt(SHADOW_OFFSET), 'oob'],
  [BigInt(SHADOW_OFFSET) + 0x6_ff00n - 8n, 'oob'],
  [0x4000_0000n, 'oob'],
  [0x7fff_ffffn, 'oob'],
  [0x8000_0000n, 'oob'],
  [0xffff_ffffn, 'oob'],
  [0x1_0000_0000n, 'oob'],
  // The lower half of this one is the stack.
  [0x1_0006_fef8n, 'oob'],
  [0xffff_ffff_0006_fef8n, 'oob'],
  [0x8000_0000_0000_0000n, 'oob'],
  [0xffff_ffff_ffff_fff8n, 'oob'],
  [0xffff_ffff_ffff_ffffn, 'oob'],
];

describe('null and wild pointers', () => {
  for (const [address, code] of WILD) {
    test(`0x${address.toString(16)}`, () => {
      for (const { access, sizes, text } of ACCESSES) {
        for (const size of sizes) {
          for (const offset of [0, 16, -16]) {
            // The offset of the instruction is part of the sum, which wraps around at 64 bits.
            const setup = `r2 = 0x${BigInt.asUintN(64, address - BigInt(offset)).toString(16)} ll\n`;
            const { outcome, fault } = runAccess({ run: {}, setup }, text(size, offset));
            const expected = code === 'oob' ? `oob_${access}` : code;
            assert.equal(outcome.code, expected);
            assert.deepEqual(
              [fault?.address, fault?.access, fault?.size, fault?.pc],
              [`0x${address.toString(16)}`, access, size, 3],
            );
          }
        }
      }
      stillServes();
    });
  }
});
