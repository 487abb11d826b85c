import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeRun } from '../../src/api/decode-run.ts';
import { EXAMPLES } from '../../src/api/examples.ts';
import { LIMITS, limitsWith } from '../../src/contract/limits.ts';
import { OUTCOMES } from '../../src/contract/outcome.ts';
import { PROBLEMS } from '../../src/contract/problem.ts';
import { MAP_TYPES } from '../../src/spec/maps.ts';
import { PROGRAM_TYPES } from '../../src/spec/programs.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { build } from '../support/service.ts';

test('/v1/limits shows every limit with the value in force', async (t) => {
  const { api } = await build(t, { limits: { maxWallMs: 1234 } });
  const rows = (await api.inject('/v1/limits')).json();
  assert.deepEqual(
    rows.map((row: { name: string }) => row.name),
    Object.keys(LIMITS),
  );
  const wall = rows.find((row: { name: string }) => row.name === 'maxWallMs');
  assert.deepEqual([wall.value, wall.default, wall.unit, wall.variable], [1234, 60_000, 'ms', 'WAGGLE_MAX_WALL_MS']);
});

test('/v1/outcomes shows every outcome and every problem', async (t) => {
  const { api } = await build(t);
  const { outcomes, problems } = (await api.inject('/v1/outcomes')).json();
  assert.deepEqual(
    outcomes.map((row: { code: string }) => row.code),
    Object.keys(OUTCOMES),
  );
  assert.deepEqual(
    problems.map((row: { code: string }) => row.code),
    Object.keys(PROBLEMS),
  );
});

test('/v1/info shows what there is and what is to come', async (t) => {
  const { api } = await build(t);
  const info = (await api.inject('/v1/info')).json();
  assert.deepEqual(info.profiles, ['linux-6.18']);
  assert.deepEqual(
    info.programTypes.map((row: { name: string }) => row.name),
    Object.keys(PROGRAM_TYPES),
  );
  assert.deepEqual(
    info.mapTypes.map((row: { name: string }) => row.name),
    Object.keys(MAP_TYPES),
  );
  assert.deepEqual(info.notImplemented.resources, ['/v1/inputs']);
});

test('the OpenAPI document is 3.1, names the routes, and describes the body that is validated', async (t) => {
  const { api } = await build(t);
  const document = (await api.inject('/openapi.json')).json();
  assert.match(document.openapi, /^3\.1\./);
  assert.deepEqual(Object.keys(document.paths).toSorted(), [
    '/livez',
    '/readyz',
    '/v1/batches',
    '/v1/batches/{id}',
    '/v1/info',
    '/v1/limits',
    '/v1/outcomes',
    '/v1/programs',
    '/v1/programs/{id}',
    '/v1/programs/{id}/cfg',
    '/v1/programs/{id}/disassembly',
    '/v1/programs/{id}/verification',
    '/v1/runs',
    '/v1/runs/{id}',
    '/v1/runs/{id}/events',
    '/v1/runs/{id}/state',
    '/v1/runs/{id}/steps',
    '/v1/runs/{id}/trace.perfetto',
    '/v1/sandboxes',
    '/v1/sandboxes/{id}',
    '/v1/sandboxes/{id}/fork',
    '/v1/sandboxes/{id}/graph',
    '/v1/sandboxes/{id}/maps',
    '/v1/sandboxes/{id}/maps/{map}/entries',
    '/v1/sandboxes/{id}/maps/{map}/entries/{key}',
    '/v1/sandboxes/{id}/maps/{map}/slots',
    '/v1/sandboxes/{id}/maps/{map}/slots/swap',
    '/v1/sandboxes/{id}/maps/{map}/slots/{index}',
    '/v1/sandboxes/{id}/programs',
    '/v1/sandboxes/{id}/runs',
    '/v1/sandboxes/{id}/snapshot',
    '/v1/shares',
    '/v1/shares/{id}',
    '/v1/snapshots/{id}',
    '/v1/trace-tickets',
  ]);
  const body = document.paths['/v1/runs'].post.requestBody.content['application/json'];
  assert.deepEqual(body.schema.required, ['entry']);
  assert.equal(body.schema.additionalProperties, false);
  assert.ok(document.paths['/v1/runs'].post.responses['4XX'] ?? document.paths['/v1/runs'].post.responses['4xx']);
});

test('/docs is a page that brings all it needs along', async (t) => {
  const { api } = await build(t);
  const page = await api.inject('/docs');
  assert.equal(page.statusCode, 200);
  assert.match(String(page.headers['content-type']), /text\/html/);
  assert.doesNotMatch(page.body, /(?:src|href)="https?:/);
  assert.match(String(page.headers['content-security-policy']), /script-src 'self'/);
});

test('the examples are requests that decode', () => {
  for (const { title, body } of EXAMPLES)
    assert.equal(decodeRun(body, limitsWith(), 0, 'test').entry, body.entry, title);
});

test('the examples run', { skip: NO_ENGINE }, async (t) => {
  const { post } = await build(t, { worker: null });
  const answers = [];
  for (const { body } of EXAMPLES) answers.push((await post(body)).body);
  assert.deepEqual(
    answers.map(({ outcome, returnValue, counters }) => [outcome?.code, returnValue, counters?.tailCalls]),
    [
      ['exit', 2, 1],
      ['exit', 2, 33],
    ],
  );
});
