/**
 * `npm run bench:live`: a chain that runs for seconds on the only run thread of a listening service, while another client changes its slot over
 * HTTP as fast as it can and adds a program. Prints what the run saw; fails when a hop fell through, or a target was never reached.
 */

import { buildService } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { MemoryStore } from '../src/store/memory-store.ts';
import { counting, PACKET } from '../test/support/sandbox-service.ts';

const REPEAT = 100_000;
/** Rounds of a loop in front of each hop: the whole run takes some five seconds. */
const ROUNDS = 150_000;
const SWAPS_BEFORE_LATE = 1_000;
const LEAST_SWAPS = 2_000;

const HOPS = {
  constant: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 7\nexit',
  variable: 'r3 = *(u32 *)(r1 + 16)\nr2 = chain ll\ncall bpf_tail_call\nr0 = 7\nexit',
};

const config = readConfig({
  WAGGLE_PORT: '0',
  WAGGLE_ADMIN_PORT: '0',
  WAGGLE_WORKERS: '1',
  WAGGLE_LOG_LEVEL: 'silent',
  WAGGLE_MAX_INSTRUCTIONS: String(1e12),
  WAGGLE_MAX_REQUESTS_PER_MINUTE: String(1e6),
});
const service = await buildService(config, { store: new MemoryStore({ quota: config.limits }) });
await service.api.listen({ host: '127.0.0.1', port: 0 });
const url = service.urls().api;

async function ask(method: string, path: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const document = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(document)}`);
  return document;
}

async function measure(kind: string, hop: string): Promise<void> {
  const wait = `r4 = 0\nwait:\nr4 += 1\nif r4 < ${ROUNDS} goto wait\n`;
  const { id } = await ask('POST', '/v1/sandboxes', {
    programs: [
      { name: 'entry', type: 'xdp', asm: wait + hop },
      { name: 'a', type: 'xdp', asm: counting(0, 2) },
      { name: 'b', type: 'xdp', asm: counting(1, 1) },
    ],
    maps: [
      { name: 'chain', type: 'prog_array', maxEntries: 4, slots: { '0': 'a' } },
      { name: 'hits', type: 'array', keySize: 4, valueSize: 8, maxEntries: 3 },
    ],
  });
  const path = `/v1/sandboxes/${String(id)}`;
  const budgets = { instructions: 1e12, wallMs: 60_000 };
  const begin = performance.now();
  let isOver = false;
  const running = ask('POST', `${path}/runs`, {
    entry: 'entry',
    input: PACKET,
    repeat: REPEAT,
    budgets,
    return: { maps: ['hits'] },
  });
  void running.finally(() => {
    isOver = true;
  });
  const names = ['b', 'a'];
  let swaps = 0;
  while (!isOver) {
    await ask('PUT', `${path}/maps/chain/slots/0`, { program: names[swaps % names.length] });
    swaps += 1;
    if (swaps !== SWAPS_BEFORE_LATE) continue;
    await ask('POST', `${path}/programs`, { name: 'late', type: 'xdp', asm: counting(2, 3) });
    names.push('late');
  }
  const result = (await running) as {
    outcome: { code: string };
    counters: { tailCallMisses: Record<string, number>; tailCalls: number };
    chain: { generation: number }[];
    output: { maps: { hits: { value: { hex: string } }[] } };
  };
  const seconds = (performance.now() - begin) / 1000;
  const visits = result.output.maps.hits.map(({ value }) => Buffer.from(value.hex, 'hex').readUInt32LE(0));
  const { tailCallMisses, tailCalls } = result.counters;
  console.log(
    `${kind} index: ${seconds.toFixed(1)} s, ${tailCalls} hops, ${swaps} swaps over HTTP, visits ${visits.join(' ')}, ` +
      `misses ${JSON.stringify(tailCallMisses)}, generation of the last hop ${result.chain[0]?.generation}`,
  );
  const missed = Object.values(tailCallMisses).some((count) => count > 0);
  if (result.outcome.code !== 'exit' || missed || swaps < LEAST_SWAPS || visits.includes(0)) process.exitCode = 1;
}

for (const [kind, hop] of Object.entries(HOPS)) await measure(kind, hop);
await service.close();
