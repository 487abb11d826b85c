/** The same grid batches whatever happens on the way: ten runs on two threads, a restart of the service, a hundred cuts. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { WaggleClient } from '../../src/client/client.ts';
import type { Trace } from '../../src/client/trace.ts';
import { BATCH_STEPS } from '../../src/contract/step.ts';
import { BATCH_HEADER_BYTES } from '../../src/contract/step-batch.ts';
import { cuttingProxy } from '../support/cutting-proxy.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { runBody } from '../support/run-body.ts';
import { hop, leave, SAVE } from '../support/tail-call-rows.ts';
import { tracedService } from '../support/traced.ts';

/** 34 times a loop of stores and helper calls, and a hop. */
const SPEC = runBody({
  programs: {
    entry: `${SAVE}r7 = 160
again:
*(u64 *)(r10 - 8) = r7
r1 = seen ll
r2 = r10
r2 += -8
r3 = r10
r3 += -8
r4 = 0
call map_update_elem
*(u64 *)(r10 - 16) = r0
r7 += -1
if r7 != 0 goto again
${hop()}${leave(1)}`,
  },
  maps: {
    chain: { slots: { 0: 'entry' }, maxEntries: 1 },
    seen: { type: 'hash', keySize: 8, maxEntries: 64 },
  },
});

/** Where the header has the handle of the subscription, which is the only thing in a batch that is not the run's. */
const HANDLE = { START: 2, END: 4 } as const;

/** Hashes of the whole batches by their place. */
async function gridOf(trace: Trace): Promise<Map<number, string>> {
  const grid = new Map<number, string>();
  for await (const { first, partial, frame } of trace.batches()) {
    if (partial) continue;
    assert.ok(!grid.has(first), `batch ${first} came twice`);
    const bytes = Buffer.from(frame as Uint8Array);
    assert.ok(bytes.length > BATCH_HEADER_BYTES);
    bytes.fill(0, HANDLE.START, HANDLE.END);
    grid.set(first, createHash('sha256').update(bytes).digest('hex'));
  }
  return grid;
}

test('ten runs on two threads, and one more after a restart, have the same batches', { skip: NO_ENGINE }, async (t) => {
  const { client, service } = await tracedService(t, { workers: 2 });
  const grids = await Promise.all(Array.from({ length: 10 }, () => gridOf(client.trace({ spec: SPEC }))));
  const [first] = grids;
  assert.ok(first!.size > 100, `${first!.size} batches`);
  for (const grid of grids) assert.deepEqual(grid, first);
  await service.close();
  const restarted = await tracedService(t, { workers: 1 });
  assert.deepEqual(await gridOf(restarted.client.trace({ spec: SPEC })), first);
});

const CUTS = 100;

test('a client that is cut off 100 times at random gets the batches of one that is not, and each step once', {
  skip: NO_ENGINE,
}, async (t) => {
  const { client, url } = await tracedService(t);
  const { id, counters } = await client.run(SPEC);
  const whole = await gridOf(client.trace({ run: id }));
  const random = randomFrom(12345);
  let allow = (): number => Number.POSITIVE_INFINITY;
  const proxy = await cuttingProxy(t, url, () => allow());
  const cut = new WaggleClient(proxy.url);
  await gridOf(cut.trace({ run: id, detail: 'chain' }));
  const chain = proxy.bytes();
  await gridOf(cut.trace({ run: id }));
  const steps = proxy.bytes() - 2 * chain;
  // A connection first tells the chain and the result; then it has some batches, few enough for many cuts.
  allow = () => (proxy.cuts() < CUTS ? chain + Math.floor((random() * steps) / 10) : Number.POSITIVE_INFINITY);
  let traces = 0;
  for (; proxy.cuts() < CUTS; traces++) {
    assert.deepEqual(await gridOf(cut.trace({ run: id, reconnects: 20 })), whole);
  }
  assert.equal(proxy.cuts(), CUTS);
  t.diagnostic(`${traces} traces of ${steps} bytes behind ${chain}, ${whole.size} batches`);
  assert.equal(whole.size, Math.ceil(Number(counters.instructions) / BATCH_STEPS));
});

test('rows through cuts: dense, each once', { skip: NO_ENGINE }, async (t) => {
  const { client, url } = await tracedService(t);
  const { id, counters } = await client.run(SPEC);
  const random = randomFrom(7);
  const proxy = await cuttingProxy(t, url, () =>
    proxy.cuts() < 20 ? 3_000 + Math.floor(random() * 40_000) : Number.POSITIVE_INFINITY,
  );
  const from = 777;
  let next = from;
  for await (const { step } of new WaggleClient(proxy.url).trace({ run: id, from, reconnects: 50 })) {
    assert.equal(step, String(next));
    next++;
  }
  assert.equal(String(next), counters.instructions);
  assert.ok(proxy.cuts() > 3, `${proxy.cuts()} cuts`);
});

/** Numbers from 0 to 1 (mulberry32), the same every time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
