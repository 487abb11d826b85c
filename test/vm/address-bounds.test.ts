/**
 * Addresses at every edge of the guest's memory: no access goes anywhere but into open bytes, whatever its base register is known to hold,
 * and however base plus offset wraps. Nothing verifies these programs.
 */

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { CELLS_END, DATA_END, DATA_REGION, SHADOW_OFFSET } from '../../src/contract/memory.ts';
import { GuestMemory } from '../../src/vm/guest-memory.ts';
import { runVm, testVm, type VmDescription } from '../support/engine-run.ts';

/** A store that succeeds leaves these bytes where it went. */
const MARK = '0x5aa55aa5';
const MARK_BYTES = Buffer.from([0xa5, 0x5a, 0xa5, 0x5a]);
/** Stretches of linear memory that no guest may write to: the engine's cells, both sides of where the shadow begins, and the memory's end. */
const WATCHED_BYTES = 0x1_0000;

const SIZES = [8, 32, 64] as const;

interface EdgeRow {
  readonly name: string;
  /** Leaves the base in r1; r0 is the value of `top`'s only element, r9 the context. */
  readonly base: string;
  readonly offsets: readonly number[];
  readonly code: 'null' | 'oob';
}

const wide = (value: bigint | number): string => `r1 = 0x${BigInt(value).toString(16)} ll\n`;
const times = (count: number, line: string): string => `${line}\n`.repeat(count);
const PAGE = 0x1_0000;
const FAR = 32_767;
const FAR_BACK = -32_768;
const VALUE_BYTES = 8;

/** A register that has passed the look at its high half, and is then moved as far as it may be without another one. */
const moved = (start: string, imm: number): string => `${start}r2 = *(u8 *)(r1 + 0)\nr1 += ${imm}\n`;
const FROM_TOP = 'r1 = r0\n';

const EDGES: readonly EdgeRow[] = [
  { name: 'null', base: 'r1 = 0\n', offsets: [0, 1, FAR], code: 'null' },
  { name: 'null, downwards', base: 'r1 = 0\n', offsets: [-1, -8, FAR_BACK], code: 'oob' },
  { name: 'register 1 with offset -4', base: 'r1 = 1\n', offsets: [-4, -2, FAR_BACK], code: 'oob' },
  { name: 'register 1 with offset -1', base: 'r1 = 1\n', offsets: [-1], code: 'null' },
  { name: 'the last null page', base: `r1 = ${PAGE - 16}\n`, offsets: [0, -1, FAR_BACK], code: 'null' },
  { name: 'behind the null page', base: `r1 = ${PAGE}\n`, offsets: [0, 8, FAR], code: 'oob' },
  { name: 'the map descriptors', base: 'r1 = top ll\n', offsets: [0, 8, 16], code: 'oob' },
  { name: '2^32 - 1: base + offset is 0 in 32 bits', base: wide(0xffff_ffff), offsets: [1, 2, FAR], code: 'oob' },
  { name: '2^32', base: wide(2n ** 32n), offsets: [0, 8, FAR, FAR_BACK, -1], code: 'oob' },
  { name: '2^31', base: wide(2n ** 31n), offsets: [0, -1, FAR, FAR_BACK], code: 'oob' },
  { name: '2^63', base: wide(2n ** 63n), offsets: [0, FAR, FAR_BACK], code: 'oob' },
  { name: '2^64 - 1: base + offset is 0 in 64 bits', base: 'r1 = -1\n', offsets: [1, 2, FAR], code: 'null' },
  { name: '2^64 - 1, downwards', base: 'r1 = -1\n', offsets: [-7, -8, FAR_BACK], code: 'oob' },
  { name: 'r10 + 2^32', base: `${wide(2n ** 32n)}r1 += r10\n`, offsets: [-8, -16, 0], code: 'oob' },
  { name: 'r10 - 2^32', base: `${wide(2n ** 32n)}r2 = r10\nr2 -= r1\nr1 = r2\n`, offsets: [-8, -16], code: 'oob' },
  { name: 'context + 2^33', base: `${wide(2n ** 33n)}r1 += r9\n`, offsets: [0, 8], code: 'oob' },
  { name: 'map value + 2^63', base: `${wide(2n ** 63n)}r1 += r0\n`, offsets: [0], code: 'oob' },
  { name: 'the end of the guest addresses', base: wide(DATA_END), offsets: [0, FAR, -1], code: 'oob' },
  { name: 'the last guest address', base: wide(SHADOW_OFFSET - 1), offsets: [0, 1, FAR], code: 'oob' },
  { name: 'the shadow', base: wide(SHADOW_OFFSET), offsets: [0, 1, FAR, -1, FAR_BACK], code: 'oob' },
  { name: "the stack's shadow", base: `${wide(SHADOW_OFFSET)}r1 += r10\n`, offsets: [-8, -64], code: 'oob' },
  { name: 'the shadow of the shadow', base: wide(2 * SHADOW_OFFSET), offsets: [0, -8, FAR, FAR_BACK], code: 'oob' },
  { name: 'the end of the memory', base: wide(2 * SHADOW_OFFSET + PAGE), offsets: [0, -8, FAR], code: 'oob' },
  { name: 'below the context', base: 'r1 = r9\n', offsets: [-8, FAR_BACK], code: 'oob' },
  { name: 'behind r10', base: 'r1 = r10\n', offsets: [0, 8, 64], code: 'oob' },
  { name: 'far behind r10', base: moved('r1 = r10\nr1 += -8\n', 0x4000), offsets: [0, FAR, -0x3000], code: 'oob' },
  { name: 'behind the highest map', base: FROM_TOP, offsets: [VALUE_BYTES, 64, 4096, FAR], code: 'oob' },
  { name: 'below the highest map', base: FROM_TOP, offsets: [-8, -64, -4096], code: 'oob' },
  { name: 'the highest map and slack', base: moved(FROM_TOP, 0x4000), offsets: [0, FAR, -0x3000], code: 'oob' },
  { name: 'the highest map and more than slack', base: moved(FROM_TOP, 0x4001), offsets: [0, FAR], code: 'oob' },
  {
    name: 'the highest map and slack in parts',
    base: moved(FROM_TOP, 0x2000) + times(3, 'r1 += 8192'),
    offsets: [0, FAR],
    code: 'oob',
  },
  {
    name: 'the highest map, moved into the shadow',
    base: moved(FROM_TOP, 0x1_0000),
    offsets: [0, FAR, FAR_BACK],
    code: 'oob',
  },
  {
    name: 'the highest map, moved behind the shadow',
    base: moved(FROM_TOP, 0x3_0000),
    offsets: [0, FAR, FAR_BACK],
    code: 'oob',
  },
  { name: 'the highest map, moved by 2^29', base: moved(FROM_TOP, 0x2000_0000), offsets: [0, FAR], code: 'oob' },
  {
    name: 'the highest map, moved by 2^31 - 1',
    base: moved(FROM_TOP, 0x7fff_ffff),
    offsets: [0, FAR, FAR_BACK],
    code: 'oob',
  },
  { name: 'the highest map, moved down', base: moved(FROM_TOP, -0x4000), offsets: [0, FAR_BACK], code: 'oob' },
  { name: 'the highest map, moved down by 2^31', base: moved(FROM_TOP, -0x8000_0000), offsets: [0, FAR], code: 'oob' },
  {
    name: 'a copy of a moved register',
    base: `${moved(FROM_TOP, 0x3fff)}r3 = r1\nr3 += 2\nr1 = r3\n`,
    offsets: [FAR, 0],
    code: 'oob',
  },
];

type Access = 'load' | 'store' | 'store_imm' | 'atomic';
interface AccessText {
  readonly access: Access;
  readonly text: string;
}

const ACCESSES: readonly Access[] = ['load', 'store', 'store_imm', 'atomic'];

/** Every access at r1 + offset. */
function accessesAt(offset: number): AccessText[] {
  return ACCESSES.flatMap((access) =>
    SIZES.flatMap((size): AccessText[] => {
      const place = `*(u${size} *)(r1 ${offset < 0 ? '-' : '+'} ${Math.abs(offset)})`;
      if (access === 'load') return [{ access, text: `r5 = ${place}` }];
      if (access === 'store') return [{ access, text: `${place} = r4` }];
      if (access === 'store_imm') return [{ access, text: `${place} = ${MARK}` }];
      return size < 32 ? [] : [{ access, text: `lock ${place} |= r4` }];
    }),
  );
}

describe('addresses at the edges of the memory', () => {
  const memory = new GuestMemory(DATA_END - DATA_REGION);

  function description(base: string, accesses: readonly string[]): VmDescription {
    const lookup = 'r9 = r1\n*(u32 *)(r10 - 4) = 0\nr1 = top ll\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n';
    const text = (access: string) =>
      `${lookup}if r0 == 0 goto out\nr4 = ${MARK}\n${base}${access}\nr0 = 77\nout:\nexit`;
    return {
      memory,
      programs: Object.fromEntries(accesses.map((access, number) => [`p${number}`, text(access)])),
      maps: { top: { type: 'array', valueSize: VALUE_BYTES } },
    };
  }

  /** So many bytes in front of the map that it lies as high as it can. */
  let filler = 0;
  before(() => {
    testVm(description('', ['r5 = 0']));
    filler = DATA_END - DATA_REGION - memory.used - GuestMemory.footprint(0);
  });

  /** One VM for all accesses from one base: to clear so much memory takes a tenth of a second. */
  function runAll(
    base: string,
    accesses: readonly string[],
  ): { code: string; r0: bigint | undefined; wrote: boolean }[] {
    memory.clear();
    memory.allocate(filler);
    const vm = testVm(description(base, accesses));
    return accesses.map((_, number) => {
      const { code, r0 } = runVm(vm, {}, 1, number);
      return { code, r0, wrote: written() };
    });
  }

  function written(): boolean {
    const stretches = [0, CELLS_END, DATA_END - WATCHED_BYTES, SHADOW_OFFSET - WATCHED_BYTES, SHADOW_OFFSET];
    const last = memory.bytes.length - WATCHED_BYTES;
    return [...stretches, last].some((start) =>
      Buffer.from(memory.bytes.slice(start, start + WATCHED_BYTES)).includes(MARK_BYTES),
    );
  }

  test('the map lies at the top, and its value can be written', () => {
    assert.deepEqual(runAll(FROM_TOP, ['*(u64 *)(r1 + 0) = r4']), [{ code: 'exit', r0: 77n, wrote: true }]);
    const { start } = memory.regions.find((region) => region.name === 'top')!;
    assert.ok(DATA_END - start < 1024, `${DATA_END - start} bytes below the end`);
  });

  test('a register with slack reaches what is open', () => {
    const accesses = [`*(u64 *)(r1 - ${0x4000}) = r4`, `r1 += -1\nr5 = *(u8 *)(r1 - ${0x4000 - 1})`];
    for (const { code } of runAll(moved(FROM_TOP, 0x4000), accesses)) assert.equal(code, 'exit');
  });

  for (const { name, base, offsets, code } of EDGES) {
    test(name, () => {
      const rows = offsets.flatMap((offset) => accessesAt(offset));
      const texts = rows.map(({ text }) => text);
      runAll(base, texts).forEach((ran, index) => {
        const { access, text } = rows[index]!;
        const fault = code === 'null' ? 'null_deref' : access === 'load' ? 'oob_read' : 'oob_write';
        assert.deepEqual(ran, { code: fault, r0: undefined, wrote: false }, text);
      });
    });
  }
});
