import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GuestMemory } from '../../src/vm/guest-memory.ts';
import { leftovers, soak } from './soak.ts';

/** No owner has bytes beyond. */
const REACHED_BYTES = 16 * 1024 * 1024;

test('2,000 changes of owner: no growth, and nothing left of any owner', (t) => {
  const options = { runs: 2_000, warmUpRuns: 1_000, reportEvery: 1_000, bound: REACHED_BYTES };
  soak(options, ({ runs, memories, rssMib }) => {
    t.diagnostic(`${runs} runs, ${memories} memories, RSS ${rssMib.toFixed(0)} MiB`);
  });
});

test('what is left in a memory is found wherever it lies', () => {
  const memory = new GuestMemory(1 << 20);
  const places = [0, 0x1_0000, 0x2_0000, 0x6_fe00, 0x7_0000, 0xff_ffff, 0x2000_0000, 0x20ff_ffff];
  for (const at of places) memory.view.setUint8(at, 1);
  assert.deepEqual(leftovers(memory.memory, REACHED_BYTES), places);
});
