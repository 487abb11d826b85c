/**
 * Every problem code and every outcome code of contract/ is produced by a request. The tables are typed by the codes, so that a new
 * code without a row does not compile.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { serialize } from 'node:v8';
import { Value } from 'typebox/value';
import type { Limits } from '../../src/contract/limits.ts';
import { limitsWith } from '../../src/contract/limits.ts';
import { OUTCOMES, type OutcomeCode } from '../../src/contract/outcome.ts';
import { PROBLEMS, type ProblemCode } from '../../src/contract/problem.ts';
import type { ProblemDocument } from '../../src/contract/problem-document.ts';
import { RunResult } from '../../src/contract/result.ts';
import type { RunBody } from '../../src/contract/run.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { StoreFailure } from '../../src/store/store.ts';
import { elfFile } from '../support/elf-file.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { lastingStore } from '../support/lasting-store.ts';
import { rawRequest } from '../support/raw-request.ts';
import { CHAIN, sandboxService } from '../support/sandbox-service.ts';
import { type Answer, type BuildOptions, type BuiltService, build, scripted } from '../support/service.ts';
import { connectTrace, type TraceClientOptions } from '../support/trace-client.ts';
import { listening } from '../support/trace-service.ts';

/** A body that the real engine answers, or a scene on the service with a scripted worker. */
type Case =
  | { readonly body: RunBody; readonly options?: BuildOptions }
  | { readonly scene: (t: TestContext) => Promise<Answer> };

const packet = { packet: { hex: '00'.repeat(64) } };

/** One program `p`, unverified unless said otherwise. */
function program(asm: string, changes: Partial<RunBody> = {}): RunBody {
  return { programs: [{ name: 'p', type: 'xdp', asm }], entry: 'p', input: packet, verify: 'off', ...changes };
}

function object(bytes: Buffer): RunBody {
  return { object: { elf: { base64: bytes.toString('base64') } }, entry: 'entry', input: packet };
}

const EXIT_CODE = Buffer.from('b7000000020000009500000000000000', 'hex');
const LOOP = 'r0 = 0\nloop:\nr0 += 1\nif r0 != 0 goto loop\nexit';
const SELF = 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 2\nexit';
const chain = (slot: string): Partial<RunBody> => ({
  maps: [{ name: 'chain', type: 'prog_array', maxEntries: 1, slots: { '0': slot } }],
});
const array = (entries: NonNullable<RunBody['maps']>[number]['entries'], valueSize = 4): Partial<RunBody> => ({
  maps: [
    { name: 'm', type: 'array', keySize: 4, valueSize, maxEntries: 1, ...(entries === undefined ? {} : { entries }) },
  ],
});

async function request(
  service: BuiltService,
  options: { url: string; method?: 'GET' | 'PUT' | 'DELETE' },
): Promise<Answer> {
  const response = await service.api.inject(options);
  return { status: response.statusCode, headers: response.headers, body: response.json() };
}

const get =
  (url: string, method: 'GET' | 'PUT' = 'GET') =>
  async (t: TestContext) =>
    request(await build(t), { url, method });
const post =
  (body: unknown, options: BuildOptions = {}, headers: Record<string, string> = {}) =>
  async (t: TestContext) =>
    (await build(t, options)).post(body, headers);

/** DELETE of a share without its token. */
async function deleteShare(t: TestContext): Promise<Answer> {
  const service = await build(t);
  const created = await service.api.inject({ method: 'POST', url: '/v1/shares', payload: { spec: scripted('exit') } });
  return request(service, { url: created.json().url, method: 'DELETE' });
}

/** A run that waits holds the only thread while `next` is asked. */
const whileBusy =
  (next: (service: BuiltService) => Promise<Answer>, options: BuildOptions = {}) =>
  async (t: TestContext) => {
    const service = await build(t, { limits: { maxDrainMs: 20, ...options.limits } });
    void service.post(scripted('wait'));
    await service.busy(1);
    return next(service);
  };

/** Asks for a run that has ended. */
const afterRun =
  (ask: (service: BuiltService, id: string) => Promise<Answer>, options: BuildOptions = {}) =>
  async (t: TestContext) => {
    const service = await build(t, options);
    return ask(service, (await service.post(scripted('again'))).body.id);
  };

/** The problem that a trace socket tells before it closes. */
const refusedSocket = (options: TraceClientOptions) => async (t: TestContext) => {
  const { url } = await listening(t);
  const client = await connectTrace(url, options);
  await client.closed;
  const { problem } = await client.wait('error');
  return { status: problem.status, headers: {}, body: problem as Answer['body'] };
};

const KEYED = { prefer: 'respond-async', 'idempotency-key': 'one' };

/** A request about a new sandbox; `path` stands behind its own. */
const onSandbox =
  (method: string, path: string, body?: unknown, options: BuildOptions = {}) =>
  async (t: TestContext): Promise<Answer> => {
    const service = await sandboxService(t, options);
    const sandbox = await service.make({
      ...CHAIN,
      maps: [...CHAIN.maps!, { name: 'closed', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1, frozen: true }],
    });
    return service.ask(method, sandbox + path, body);
  };

/** A sandbox from a snapshot that another engine has written. */
async function foreignSnapshot(t: TestContext): Promise<Answer> {
  const store = new MemoryStore({ quota: limitsWith() });
  const snapshot = new Uint8Array(serialize({ engine: 'waggle 0.0.0', parts: {} }));
  const expiresAt = Date.now() + 60_000;
  await store.sandboxes.put({ id: 'old', tenant: 'anonymous', kind: 'snapshot', facts: '{}', expiresAt, snapshot });
  return (await sandboxService(t, { store })).ask('POST', '/v1/sandboxes', { snapshot: 'old' });
}
/** Sends bytes, and nothing after them. */
const raw = (bytes: string, limits: Partial<Limits>) => async (t: TestContext) => {
  const { url } = await listening(t, { limits });
  const { status, body } = await rawRequest(url, bytes);
  return { status, headers: {}, body: JSON.parse(body) as Answer['body'] };
};

const PROBLEM_CASES: Record<ProblemCode, Case> = {
  not_permitted: {
    scene: onSandbox('PUT', '/maps/closed/entries/00000000', { value: { hex: '00000000' } }),
  },
  no_entry: { scene: onSandbox('GET', '/maps/flows/entries/00000000') },
  entry_exists: {
    scene: onSandbox('PUT', '/maps/hits/entries/00000000?mode=noexist', { value: { hex: '0000000000000000' } }),
  },
  map_refused: { scene: onSandbox('PUT', '/maps/chain/slots/9', { program: 'pass' }) },
  load_rejected: { scene: onSandbox('POST', '/programs', { name: 'p', type: 'xdp', asm: 'r0 = 1' }) },
  snapshot_gone: { scene: foreignSnapshot },
  too_many_sandboxes: { scene: onSandbox('POST', '/fork', {}, { limits: { maxSandboxes: 1 } }) },
  bad_json: { scene: post('{') },
  schema_violation: { scene: post({}) },
  bad_request: { scene: get('/v1/traces') },
  not_authenticated: { scene: refusedSocket({ ticket: 'forged' }) },
  forbidden: { scene: refusedSocket({ headers: { origin: 'https://evil.example' } }) },
  bad_delete_token: { scene: deleteShare },
  not_found: { scene: get('/nothing') },
  method_not_allowed: { scene: get('/v1/runs', 'PUT') },
  run_ended: { scene: afterRun((service, id) => request(service, { url: `/v1/runs/${id}`, method: 'DELETE' })) },
  idempotency_in_flight: {
    scene: async (t) => {
      const gate = Promise.withResolvers<void>();
      const held = lastingStore((runs) => ({ accept: (...call) => gate.promise.then(() => runs.accept(...call)) }));
      const service = await build(t, { store: held });
      const first = service.post(scripted('exit'), KEYED);
      const second = await service.post(scripted('exit'), KEYED);
      gate.resolve();
      await first;
      return second;
    },
  },
  idempotency_mismatch: {
    scene: async (t) => {
      const service = await build(t);
      await service.post(scripted('exit'), KEYED);
      return service.post(scripted('slow'), KEYED);
    },
  },
  trace_gone: {
    scene: afterRun((service, id) => request(service, { url: `/v1/runs/${id}` }), { limits: { maxReplayBytes: 1 } }),
  },
  body_too_large: { scene: post(scripted('exit'), { limits: { maxBodyBytes: 10 } }) },
  unsupported_media_type: { scene: post('x', {}, { 'content-type': 'text/plain' }) },
  bad_bytes: { scene: post({ entry: 'e', input: { packet: { hex: '0' } } }) },
  bad_elf: { body: object(Buffer.from('this is no ELF object')) },
  bad_btf: { body: object(elfFile(EXIT_CODE, { sections: { '.BTF': Buffer.from('this is no BTF') } })) },
  bad_assembly: { body: program('r0 = = 1\nexit') },
  bad_instructions: {
    body: { programs: [{ name: 'p', type: 'xdp', insns: { hex: '95' } }], entry: 'p', input: packet },
  },
  bad_reference: { body: { ...program('r0 = 2\nexit'), entry: 'another' } },
  bad_map: { body: program('r0 = 2\nexit', array([{ key: { hex: '00' }, value: { hex: '00000000' } }])) },
  bad_input: { body: program('r0 = 2\nexit', { input: { packet: { hex: '00' } } }) },
  limit_exceeded: { scene: post({ entry: 'e', repeat: 1e6 }) },
  queue_full: {
    scene: whileBusy(
      (service) => {
        void service.post(scripted('exit'));
        return service.queued(1).then(() => service.post(scripted('exit')));
      },
      { limits: { queueLimit: 1 } },
    ),
  },
  answer_timeout: { scene: post(scripted('wait'), { limits: { maxHandlerMs: 50, maxDrainMs: 10 } }) },
  request_timeout: {
    scene: raw('POST /v1/runs HTTP/1.1\r\nHost: waggle\r\n', { maxHeadersMs: 100, maxRequestMs: 100 }),
  },
  headers_too_large: {
    scene: raw(`GET /livez HTTP/1.1\r\nHost: waggle\r\nX: ${'x'.repeat(2_000)}\r\n\r\n`, { maxHeaderBytes: 1_000 }),
  },
  rate_limited: {
    scene: async (t) => {
      const service = await build(t, { limits: { maxRequestsPerMinute: 1 } });
      await service.post(scripted('exit'));
      return service.post(scripted('exit'));
    },
  },
  overloaded: {
    scene: post(scripted('exit'), { readings: { memoryBytes: () => 2 ** 50, eventLoopDelayMs: () => 0 } }),
  },
  too_many_streams: {
    scene: afterRun((service, id) => request(service, { url: `/v1/runs/${id}/events` }), {
      limits: { maxTraceSockets: 0 },
    }),
  },
  internal: { scene: post(scripted('malformed')) },
  not_implemented: { scene: post({ entry: 'e', cpu: 0 }) },
  storage_failed: {
    scene: async (t) => {
      const store = new MemoryStore({ quota: limitsWith() });
      const get = () => Promise.reject(new StoreFailure('the disk is gone'));
      Object.assign(store, { shares: { ...store.shares, get } });
      return request(await build(t, { store }), { url: `/v1/shares/${'a'.repeat(22)}` });
    },
  },
  draining: {
    scene: whileBusy(
      (service) => {
        void service.close();
        return service.post(scripted('exit'));
      },
      { limits: { maxDrainMs: 500 } },
    ),
  },
  not_ready: {
    scene: async (t) =>
      request(await build(t, { worker: new URL('../fixtures/workers/wrong.ts', import.meta.url).href }), {
        url: '/readyz',
      }),
  },
};

const OUTCOME_CASES: Record<OutcomeCode, Case> = {
  exit: { body: program('r0 = 2\nexit') },
  insn_budget: { body: program(LOOP, { budgets: { instructions: 1000 } }) },
  tail_call_budget: { body: program(SELF, { ...chain('p'), budgets: { tailCalls: 5 } }) },
  wall_budget: { body: program(LOOP, { budgets: { instructions: 1e10, wallMs: 20 } }) },
  memory_budget: {
    body: program('r0 = 2\nexit', { ...array(undefined, 1_000_000), budgets: { memoryBytes: 65_536 } }),
  },
  expired_in_queue: { scene: whileBusy((service) => service.post(scripted('exit')), { limits: { maxQueueMs: 20 } }) },
  oob_read: { body: program('r1 = 0x12345678 ll\nr0 = *(u8 *)(r1 + 0)\nexit') },
  oob_write: { body: program('r1 = 0x12345678 ll\n*(u8 *)(r1 + 0) = r1\nr0 = 0\nexit') },
  readonly_write: { body: program('*(u32 *)(r1 + 0) = r1\nr0 = 0\nexit') },
  null_deref: { body: program('r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit') },
  bad_insn: { body: program('call f\nr0 = 1\nf:\nr0 = 2\nexit') },
  bad_argument: { body: program('r2 = 5\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit') },
  call_depth: { body: program('call f\nexit\nf:\ncall f\nexit') },
  stack_overflow: {
    body: program('*(u64 *)(r10 - 512) = r1\ncall f\nexit\nf:\n*(u64 *)(r10 - 512) = r1\nr0 = 0\nexit'),
  },
  rejected_verifier: { body: program('r0 = 0\nexit\nr0 = 1\nexit', { verify: 'enforce' }) },
  rejected_load: {
    body: {
      programs: [
        { name: 'p', type: 'xdp', asm: SELF },
        { name: 'other', type: 'sched_cls', asm: 'r0 = 0\nexit' },
      ],
      ...chain('other'),
      entry: 'p',
      input: packet,
    },
  },
  cancelled: {
    scene: async (t) => {
      const service = await build(t, { limits: { maxDrainMs: 10 } });
      const answer = service.post(scripted('wait'));
      await service.busy(1);
      await service.close();
      return answer;
    },
  },
  worker_lost: { scene: post(scripted('die')) },
  internal: { scene: post(scripted('throw')) },
};

/** Runs every row as a subtest; those for the engine share one service. */
async function produceAll(
  t: TestContext,
  cases: Readonly<Record<string, Case>>,
  check: (code: string, answer: Answer) => void,
): Promise<void> {
  let engine: BuiltService | null = null;
  for (const [code, produced] of Object.entries(cases)) {
    const skip = 'body' in produced ? NO_ENGINE : false;
    await t.test(code, { skip }, async (subtest) => {
      if ('scene' in produced) {
        check(code, await produced.scene(subtest));
      } else {
        engine ??= await build(t, { worker: null });
        check(code, await engine.post(produced.body));
      }
    });
  }
}

test('every problem code has a request that it answers', async (t) => {
  assert.deepEqual(Object.keys(PROBLEM_CASES).toSorted(), Object.keys(PROBLEMS).toSorted());
  await produceAll(t, PROBLEM_CASES, (code, { status, body }) => {
    const problem: ProblemDocument = body;
    assert.equal(problem.code, code, JSON.stringify(body).slice(0, 600));
    assert.equal(status, PROBLEMS[code as ProblemCode].status);
    assert.equal(problem.retryable, PROBLEMS[code as ProblemCode].retryable);
    assert.notEqual(problem.detail, '');
  });
});

test('every outcome code has a run that ends so', async (t) => {
  assert.deepEqual(Object.keys(OUTCOME_CASES).toSorted(), Object.keys(OUTCOMES).toSorted());
  await produceAll(t, OUTCOME_CASES, (code, { status, body }) => {
    assert.equal(status, 200, JSON.stringify(body).slice(0, 600));
    assert.deepEqual([...Value.Errors(RunResult, body)], []);
    assert.deepEqual(
      body.outcome,
      { kind: OUTCOMES[code as OutcomeCode].kind, code },
      JSON.stringify(body).slice(0, 600),
    );
  });
});
