import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, resultOf } from '../support/engine-run.ts';
import { MAP_ROWS, mapRowRun, signedResults } from '../support/map-rows.ts';

for (const row of MAP_ROWS) {
  test(row.name, () => {
    const { outcome, fault, output, counters } = resultOf(mapRowRun(row));
    assert.equal(outcome.code, 'exit', fault?.message);
    assert.deepEqual(signedResults(output.maps.results!.map(({ value }) => bytesOf(value.hex))), row.results);
    const helpers = row.operations.filter(({ kind }) => kind !== 'read' && kind !== 'write').length;
    assert.equal(counters.mapOps, helpers + row.operations.length);
    assert.equal(counters.helperCalls, counters.mapOps);
  });
}

test('initial elements, in the answer too; keys of odd sizes', () => {
  const { output } = resultOf({
    programs: { p: 'r0 = 0\nexit' },
    maps: {
      h: {
        type: 'hash',
        keySize: 3,
        valueSize: 5,
        maxEntries: 4,
        entries: [
          ['010203', '0102030405'],
          ['010204', '0000000001'],
        ],
      },
      a: { type: 'array', valueSize: 3, maxEntries: 2, entries: [['01000000', 'aabbcc']] },
    },
  });
  assert.deepEqual(
    output.maps.h?.map(({ key, value }) => [key.hex, value.hex]),
    [
      ['010203', '0102030405'],
      ['010204', '0000000001'],
    ],
  );
  assert.deepEqual(
    output.maps.a?.map(({ key, value }) => [key.hex, value.hex]),
    [
      ['00000000', '000000'],
      ['01000000', 'aabbcc'],
    ],
  );
});

test('a prog array shows its filled slots', () => {
  const { output } = resultOf({
    programs: { p: 'r0 = 0\nexit', q: 'r0 = 0\nexit' },
    maps: { c: { slots: { 1: 'q', 3: 'p' }, maxEntries: 4 } },
  });
  assert.deepEqual(
    output.maps.c?.map(({ key }) => key.hex),
    ['01000000', '03000000'],
  );
});

test('maps and packet carry over between repetitions', () => {
  const { output, returnValue } = resultOf({
    programs: {
      p: `r7 = *(u32 *)(r1 + 0)
r8 = *(u32 *)(r1 + 4)
r2 = r7
r2 += 1
if r2 > r8 goto out
r3 = *(u8 *)(r7 + 0)
r3 += 1
*(u8 *)(r7 + 0) = r3
out:
*(u32 *)(r10 - 4) = 0
r1 = m ll
r2 = r10
r2 += -4
call map_lookup_elem
if r0 == 0 goto none
r1 = 2
lock *(u64 *)(r0 + 0) += r1
r0 = *(u64 *)(r0 + 0)
none:
exit`,
    },
    maps: { m: {} },
    repeat: 5,
  });
  assert.equal(returnValue, 10);
  assert.equal(output.packet?.hex.slice(0, 4), '0500');
  assert.equal(output.maps.m?.[0]?.value.hex, '0a00000000000000');
});
