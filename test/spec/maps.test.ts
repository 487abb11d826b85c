import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { checkMapAttributes } from '../../src/spec/maps.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel } from '../support/kernel/kernel.ts';
import { MAP_ROWS } from './map-attributes.rows.ts';

test('attributes of maps', () => {
  for (const { attributes, errno } of MAP_ROWS) {
    const refusal = checkMapAttributes(attributes);
    assert.equal(refusal?.errno ?? null, errno, JSON.stringify(attributes));
    if (refusal !== null) assert.ok(refusal.message.startsWith(`${attributes.type}: `));
  }
});

test('a map type that is not there yet is refused by name', () => {
  const refusal = checkMapAttributes({ type: 'lru_hash', keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 });
  assert.equal(refusal?.errno, 'EOPNOTSUPP');
  assert.match(refusal.message, /lru_hash/);
});

describe('attributes of maps on the running kernel', { skip: kernelAvailable() ?? false }, () => {
  const kernel = new Kernel();
  after(() => kernel.close());
  test('the same errno', () => {
    for (const { attributes, errno } of MAP_ROWS) {
      const created = kernel.createMap({ name: 'm', ...attributes, entries: [], slots: [], frozen: false });
      assert.equal(created.errno, errno, JSON.stringify(attributes));
      kernel.close();
    }
  });
});
