import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FairQueue } from '../../src/pool/fair-queue.ts';

interface Item {
  readonly principal: string;
  readonly since: number;
}

const drained = (queue: FairQueue<Item>): Item[] => {
  const items: Item[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item);
  return items;
};

test('principals take turns, each in his own order', () => {
  const queue = new FairQueue<Item>();
  for (const [place, principal] of ['a', 'a', 'a', 'b', 'c', 'b'].entries()) queue.push({ principal, since: place });
  assert.equal(queue.size, 6);
  assert.equal(queue.oldest(), 0);
  assert.deepEqual(
    drained(queue).map(({ principal, since }) => principal + since),
    ['a0', 'b3', 'c4', 'a1', 'b5', 'a2'],
  );
  assert.equal(queue.size, 0);
  assert.equal(queue.oldest(), undefined);
});

test('one that leaves is not served, and leaves once', () => {
  const queue = new FairQueue<Item>();
  const items = ['a', 'b', 'a'].map((principal, since) => ({ principal, since }));
  for (const item of items) queue.push(item);
  assert.equal(queue.remove(items[0]!), true);
  assert.equal(queue.remove(items[0]!), false);
  assert.equal(queue.oldest(), 1);
  assert.deepEqual(
    drained(queue),
    [items[2], items[1]].toSorted((one, other) => (one!.principal < other!.principal ? -1 : 1)),
  );
});

test('nobody waits for more than one run of each other principal; nothing is lost', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c')), (principals) => {
      const queue = new FairQueue<Item>();
      for (const [since, principal] of principals.entries()) queue.push({ principal, since });
      const served = drained(queue);
      assert.equal(served.length, principals.length);
      for (const name of new Set(principals)) {
        const mine = served.filter(({ principal }) => principal === name);
        assert.deepEqual(
          mine.map(({ since }) => since),
          mine.map(({ since }) => since).toSorted((one, other) => one - other),
        );
      }
      for (let place = 1; place < served.length; place += 1) {
        const waiting = new Set(served.slice(place).map(({ principal }) => principal));
        if (served[place - 1]!.principal === served[place]!.principal) assert.equal(waiting.size, 1);
      }
    }),
  );
});

test('one who has 10,000 waiting delays another by one run', () => {
  const queue = new FairQueue<Item>();
  for (let since = 0; since < 10_000; since += 1) queue.push({ principal: 'noisy', since });
  assert.deepEqual([queue.waiting('noisy'), queue.waiting('quiet')], [10_000, 0]);
  queue.push({ principal: 'quiet', since: 10_000 });
  const served = new Set([queue.shift(), queue.shift()].map((item) => item?.principal));
  assert.ok(served.has('quiet'));
});

test('it knows whether anybody else waits', () => {
  const queue = new FairQueue<Item>();
  assert.equal(queue.othersWait('a'), false);
  queue.push({ principal: 'a', since: 0 });
  assert.deepEqual([queue.othersWait('a'), queue.othersWait('b')], [false, true]);
  queue.push({ principal: 'b', since: 1 });
  assert.deepEqual([queue.othersWait('a'), queue.othersWait('b')], [true, true]);
});
