import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_OF_FREE, Room } from '../../src/sandboxes/room.ts';

const BYTES = 800;
const room = () => new Room({ maxSandboxes: 100, maxSandboxesBytes: BYTES });

/** How many sandboxes of so many bytes a tenant gets. */
function fill(place: Room, tenant: string, bytes: number): number {
  let count = 0;
  while (place.refusal(tenant) === null) {
    place.enter(tenant, bytes);
    count += 1;
  }
  return count;
}

test('a tenant alone takes seven eighths of all room, and the next ones take most of what is left', () => {
  const place = room();
  assert.equal(fill(place, 'a', 10), (BYTES / 10) * (MOST_OF_FREE / (MOST_OF_FREE + 1)));
  assert.match(place.refusal('a')?.detail ?? '', /^Your sandboxes take 700 bytes; what is free is left to others/);
  assert.equal(place.refusal('a')?.limit, 'maxSandboxesBytes');
  assert.equal(fill(place, 'b', 10), 9);
  assert.equal(fill(place, 'c', 10), 1);
  assert.match(place.refusal('d')?.detail ?? '', /^All sandboxes of this server take 800 bytes or more/);
});

test('who leaves makes room, and what has grown is counted', () => {
  const place = room();
  const count = fill(place, 'a', 100);
  place.leave('a', 100);
  assert.equal(place.refusal('a'), null);
  place.recount(new Map([['a', 790]]));
  assert.notEqual(place.refusal('a'), null);
  assert.equal(place.refusal('b'), null);
  for (let n = 1; n < count; n += 1) place.leave('a', 100);
  assert.equal(fill(place, 'a', 100), count);
});

test("the number of sandboxes is each tenant's own", () => {
  const place = new Room({ maxSandboxes: 2, maxSandboxesBytes: BYTES });
  assert.deepEqual([fill(place, 'a', 1), fill(place, 'b', 1)], [2, 2]);
  assert.equal(place.refusal('a')?.limit, 'maxSandboxes');
});
