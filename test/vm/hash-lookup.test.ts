/** Lookups in a hash that the translator writes in place: every key size, full buckets, keys that may not be read. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FNV_OFFSET, FNV_PRIME } from '../../src/vm/maps/hash-layout.ts';
import { resultOf } from '../support/engine-run.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Looks up the key that the packet begins with; r0 is the first u32 of the value, 77 when there is none. */
const LOOKUP = (keySize: number): string => `r2 = *(u32 *)(r1 + 0)
r3 = *(u32 *)(r1 + 4)
r4 = r2
r4 += ${keySize}
if r4 > r3 goto none
r1 = m ll
call map_lookup_elem
if r0 == 0 goto none
r0 = *(u32 *)(r0 + 0)
exit
none:
r0 = 77
exit`;

function lookup(keySize: number, keys: readonly Uint8Array[], wanted: Uint8Array): number | null {
  const packet = new Uint8Array(64);
  packet.set(wanted);
  const entries = keys.map((key, index): [string, string] => [
    hex(key),
    `${(index + 1).toString(16).padStart(2, '0')}000000`,
  ]);
  const { returnValue, outcome } = resultOf({
    programs: { p: LOOKUP(keySize) },
    maps: { m: { type: 'hash', keySize, valueSize: 4, maxEntries: 64, entries } },
    packet,
  });
  assert.equal(outcome.code, 'exit');
  return returnValue;
}

for (const keySize of [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 64]) {
  test(`keys of ${keySize} bytes: each byte counts`, () => {
    const key = Uint8Array.from({ length: keySize }, (_, index) => 0x80 + index);
    const others = Array.from({ length: Math.min(keySize, 40) }, (_, index) => key.with(index, key[index]! ^ 1));
    assert.equal(lookup(keySize, [key], key), 1);
    for (const [index, other] of others.entries()) {
      assert.equal(lookup(keySize, [key], other), 77, `byte ${index}`);
      assert.equal(lookup(keySize, [...others, key], other), index + 1);
    }
  });
}

/** Keys of 4 bytes that share a bucket of 64. */
function collidingKeys(count: number): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (let number = 0; keys.length < count; number++) {
    const key = new Uint8Array(Uint32Array.of(number).buffer);
    const hash = key.reduce((sum, byte) => Math.imul(sum ^ byte, FNV_PRIME), FNV_OFFSET);
    if (((hash ^ (hash >>> 15)) & 63) === 5) keys.push(key);
  }
  return keys;
}

test('a bucket with more elements than are looked at in place', () => {
  const keys = collidingKeys(31);
  const present = keys.slice(0, 30);
  for (const [index, key] of present.entries()) assert.equal(lookup(4, present, key), index + 1);
  assert.equal(lookup(4, present, keys[30]!), 77);
});

test('a key that may not be read is a fault of the helper, wherever it lies', () => {
  const rows: [key: string, code: string][] = [
    ['r2 = r10\nr2 += -4', 'exit'],
    ['r2 = r10\nr2 += -3', 'oob_read'],
    ['r2 = r10', 'oob_read'],
    ['r2 = 0', 'null_deref'],
    ['r2 = -1', 'oob_read'],
    ['r2 = 0x1fffffff', 'oob_read'],
    ['r2 = 0x20000000', 'oob_read'],
    ['r2 = 0x10000006ff00 ll', 'oob_read'],
  ];
  for (const [key, code] of rows) {
    const { outcome, fault } = resultOf({
      programs: { p: `*(u64 *)(r10 - 8) = 0\n${key}\nr1 = m ll\ncall map_lookup_elem\nr0 = 0\nexit` },
      maps: { m: { type: 'hash', maxEntries: 4 } },
      verify: 'off',
    });
    assert.equal(outcome.code, code, `${key}: ${fault?.message}`);
  }
});
