/**
 * Random JSON against every route that takes a body: no defect, a problem with a known code for what is refused, and an honest run after it.
 * `npm run hostile:http` sends a thousand to each route.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EXAMPLES, PROGRAM_EXAMPLES } from '../../src/api/examples.ts';
import { PROBLEMS, type ProblemCode } from '../../src/contract/problem.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { CHAIN, PACKET, sandboxService } from '../support/sandbox-service.ts';

/** Requests of all routes together, or of each. */
const ALL_REQUESTS = 1_000;
const EACH_REQUESTS = Number(process.env.WAGGLE_HOSTILE_REQUESTS ?? 0);
const MOST_GROWTH_BYTES = 512 * 1024 * 1024;

const run = { entry: 'entry', input: PACKET };

interface Row {
  readonly method: 'POST' | 'PUT' | 'PATCH';
  /** Its pattern in the OpenAPI document. */
  readonly route: string;
  /** A body that is taken, to be spoilt. */
  readonly body: unknown;
}

const MAP = '/v1/sandboxes/{id}/maps';
const ROWS: readonly Row[] = [
  { method: 'POST', route: '/v1/runs', body: EXAMPLES[0].body },
  { method: 'POST', route: '/v1/batches', body: { items: [EXAMPLES[0].body, EXAMPLES[0].body] } },
  { method: 'POST', route: '/v1/programs', body: PROGRAM_EXAMPLES[0] },
  { method: 'POST', route: '/v1/shares', body: { spec: EXAMPLES[0].body, step: '3', expiresIn: 86_400 } },
  { method: 'POST', route: '/v1/sandboxes', body: CHAIN },
  { method: 'PATCH', route: '/v1/sandboxes/{id}', body: { ttl: 600 } },
  { method: 'POST', route: '/v1/sandboxes/{id}/runs', body: run },
  { method: 'POST', route: '/v1/sandboxes/{id}/fork', body: { ttl: 60 } },
  { method: 'POST', route: '/v1/sandboxes/{id}/snapshot', body: { ttl: 60 } },
  {
    method: 'POST',
    route: '/v1/sandboxes/{id}/programs',
    body: { name: 'late', type: 'xdp', asm: 'r0 = 2\nexit' },
  },
  { method: 'PUT', route: `${MAP}/{map}/entries/{key}`, body: { value: { hex: '0100000000000000' } } },
  { method: 'PUT', route: `${MAP}/{map}/slots/{index}`, body: { program: 'drop' } },
  { method: 'POST', route: `${MAP}/{map}/slots/swap`, body: { slots: { '0': 'pass', '1': null } } },
];

/** Takes a body, but never looks at it. */
const WITHOUT_BODY = ['POST /v1/trace-tickets'];

/** What a key or a text may be that a careless program trips over. */
const AWKWARD = [
  '',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'length',
  '0',
  '-0',
  '1e999',
  '\0',
  '\ud800',
  '../..',
];

const awkward = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(...AWKWARD, 0, -1, 1.5, 1e308, 2 ** 53, null, true, [], {}, [[]]),
  fc.record({ hex: fc.string({ maxLength: 8 }) }),
  fc.record({ base64: fc.string({ maxLength: 8 }) }),
);

/** A value with something in it replaced, added or left out, as `path` says at each turn. */
function spoilt(value: unknown, path: readonly number[], replacement: unknown): unknown {
  const [turn, ...rest] = path;
  if (turn === undefined || typeof value !== 'object' || value === null) return replacement;
  const entries = Object.entries(value);
  const place = turn % (entries.length + 1);
  const spoiltEntries =
    place === entries.length
      ? [...entries, [AWKWARD[turn % AWKWARD.length], replacement]]
      : rest.length === 0 && turn % 3 === 0
        ? entries.toSpliced(place, 1)
        : entries.toSpliced(place, 1, [entries[place]![0], spoilt(entries[place]![1], rest, replacement)]);
  if (Array.isArray(value)) return spoiltEntries.map(([, one]) => one);
  // fromEntries makes fields of its own, `__proto__` too, as a parser of JSON does.
  return Object.fromEntries(spoiltEntries as [string, unknown][]);
}

const shapeOf = (body: unknown) =>
  fc.oneof(
    { weight: 1, arbitrary: fc.jsonValue() },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 4 }), awkward)
        .map(([path, replacement]) => spoilt(body, path, replacement)),
    },
  );

/** What a server says of a body: no defect, and nothing that only a lost store or thread may say. */
const ALLOWED_5XX: readonly ProblemCode[] = ['not_implemented'];

test('random JSON is a result or a problem on every route that takes a body', {
  skip: NO_ENGINE,
  timeout: 600_000,
}, async (t) => {
  const service = await sandboxService(t, { limits: { maxWallMs: 200, maxInstructions: 1e6, maxSandboxes: 100_000 } });
  const sandbox = (await service.make(CHAIN)).split('/').at(-1)!;
  const each = EACH_REQUESTS || Math.ceil(ALL_REQUESTS / ROWS.length);
  const before = process.memoryUsage.rss();
  for (const { method, route, body } of ROWS) {
    const url = route.replace('{id}', sandbox).replace('{map}', route.includes('slots') ? 'chain' : 'hits');
    const path = url.replace('{key}', '00000000').replace('{index}', '0');
    const answers = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(shapeOf(body), async (shape) => {
        const payload = JSON.stringify(shape) ?? 'null';
        const headers = { 'content-type': 'application/json' };
        const {
          statusCode: status,
          body: text,
          headers: told,
        } = await service.api.inject({ method, url: path, headers, payload });
        answers.set(String(status), (answers.get(String(status)) ?? 0) + 1);
        if (status < 400) return;
        assert.equal(told['content-type'], 'application/problem+json', payload);
        const { code, detail } = JSON.parse(text) as { code: ProblemCode; detail: string };
        assert.equal(PROBLEMS[code]?.status, status, `${payload}: ${text}`);
        assert.ok(status < 500 || ALLOWED_5XX.includes(code), `${payload}: ${text}`);
        assert.ok(detail.length > 0 && text.length < 20_000, payload);
      }),
      { numRuns: each },
    );
    t.diagnostic(
      `${method} ${route}: ${[...answers]
        .toSorted(([one], [other]) => one.localeCompare(other))
        .map(([status, number]) => `${number} x ${status}`)
        .join(', ')}`,
    );
  }
  const honest = await service.post({ ...EXAMPLES[0].body });
  assert.equal(honest.status, 200);
  assert.equal(honest.body.outcome.code, 'exit');
  assert.deepEqual(
    service.lines.filter(({ level }) => Number(level) >= 50),
    [],
    'no defects in the log',
  );
  const growth = process.memoryUsage.rss() - before;
  assert.ok(growth < MOST_GROWTH_BYTES, `${growth} bytes`);

  const { paths } = (await service.api.inject('/openapi.json')).json();
  const taking = Object.entries(paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods)
      .map((method) => `${method.toUpperCase()} ${path}`)
      .filter((name) => /^(?:POST|PUT|PATCH) /.test(name)),
  );
  const sent = [...ROWS.map(({ method, route }) => `${method} ${route}`), ...WITHOUT_BODY];
  assert.deepEqual(
    taking.filter((name) => !sent.includes(name)),
    [],
    'routes that no row sends to',
  );
});
