/** The window of bytes between a server and a reader: never more than it, never stuck. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FlowWindow } from '../../src/client/flow-window.ts';
import { MAX_CREDIT_BYTES } from '../../src/contract/trace.ts';

test('a window is 1 byte to what the server takes', () => {
  for (const bytes of [0, -1, MAX_CREDIT_BYTES + 1, Number.NaN]) assert.throws(() => new FlowWindow(bytes), RangeError);
  assert.equal(new FlowWindow(MAX_CREDIT_BYTES).begin(), MAX_CREDIT_BYTES);
});

test('property: credit and unread bytes together are never beyond the window, and a reader that has read all is not stuck', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 3_000_000 }), { minLength: 1, maxLength: 40 });
  const window = fc.integer({ min: 1, max: MAX_CREDIT_BYTES });
  fc.assert(
    fc.property(window, sizes, fc.array(fc.boolean()), (bytes, batches, cuts) => {
      const flow = new FlowWindow(bytes);
      let credit = flow.begin();
      const unread: number[] = [];
      const sum = () => unread.reduce((all, size) => all + size, 0);
      const check = () =>
        assert.ok(Math.max(credit, 0) + Math.min(sum(), bytes) <= bytes, `${credit} + ${sum()} > ${bytes}`);
      const read = () => {
        for (const grant of flow.read(unread.shift()!)) {
          assert.ok(grant > 0 && grant <= MAX_CREDIT_BYTES);
          credit += grant;
        }
        check();
      };
      batches.forEach((size, index) => {
        // A server sends a batch as long as there is any credit.
        while (credit <= 0) {
          assert.ok(unread.length > 0, 'all is read, and no credit is left');
          read();
        }
        credit -= size;
        flow.receive(size);
        unread.push(size);
        if (cuts[index] === true) credit = flow.begin();
        check();
      });
      while (unread.length > 0) read();
      assert.ok(credit > 0);
    }),
  );
});
