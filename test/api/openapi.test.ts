/** The OpenAPI document: valid, complete, stable in its names, and with examples that a service takes. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { PROBLEMS } from '../../src/contract/problem.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { API_KEYS } from '../support/keys.ts';
import { documentOf, type MediaType, operationsOf, type PlacedOperation } from '../support/openapi.ts';
import { CHAIN, type SandboxService, sandboxService } from '../support/sandbox-service.ts';
import { build } from '../support/service.ts';

/** Clients are built on these names: a row may come, and none may change. */
const OPERATIONS: Readonly<Record<string, string>> = {
  createRun: 'POST /v1/runs',
  getRun: 'GET /v1/runs/{id}',
  cancelRun: 'DELETE /v1/runs/{id}',
  getRunSteps: 'GET /v1/runs/{id}/steps',
  getRunState: 'GET /v1/runs/{id}/state',
  streamRunEvents: 'GET /v1/runs/{id}/events',
  getRunPerfettoTrace: 'GET /v1/runs/{id}/trace.perfetto',
  createBatch: 'POST /v1/batches',
  getBatch: 'GET /v1/batches/{id}',
  cancelBatch: 'DELETE /v1/batches/{id}',
  createSandbox: 'POST /v1/sandboxes',
  getSandbox: 'GET /v1/sandboxes/{id}',
  updateSandbox: 'PATCH /v1/sandboxes/{id}',
  deleteSandbox: 'DELETE /v1/sandboxes/{id}',
  forkSandbox: 'POST /v1/sandboxes/{id}/fork',
  snapshotSandbox: 'POST /v1/sandboxes/{id}/snapshot',
  deleteSnapshot: 'DELETE /v1/snapshots/{id}',
  getSandboxGraph: 'GET /v1/sandboxes/{id}/graph',
  runOnSandbox: 'POST /v1/sandboxes/{id}/runs',
  addSandboxProgram: 'POST /v1/sandboxes/{id}/programs',
  listMaps: 'GET /v1/sandboxes/{id}/maps',
  listEntries: 'GET /v1/sandboxes/{id}/maps/{map}/entries',
  getEntry: 'GET /v1/sandboxes/{id}/maps/{map}/entries/{key}',
  putEntry: 'PUT /v1/sandboxes/{id}/maps/{map}/entries/{key}',
  deleteEntry: 'DELETE /v1/sandboxes/{id}/maps/{map}/entries/{key}',
  listSlots: 'GET /v1/sandboxes/{id}/maps/{map}/slots',
  getSlot: 'GET /v1/sandboxes/{id}/maps/{map}/slots/{index}',
  putSlot: 'PUT /v1/sandboxes/{id}/maps/{map}/slots/{index}',
  clearSlot: 'DELETE /v1/sandboxes/{id}/maps/{map}/slots/{index}',
  swapSlots: 'POST /v1/sandboxes/{id}/maps/{map}/slots/swap',
  storePrograms: 'POST /v1/programs',
  getProgram: 'GET /v1/programs/{id}',
  getProgramDisassembly: 'GET /v1/programs/{id}/disassembly',
  getProgramGraph: 'GET /v1/programs/{id}/cfg',
  getProgramVerification: 'GET /v1/programs/{id}/verification',
  createShare: 'POST /v1/shares',
  getShare: 'GET /v1/shares/{id}',
  deleteShare: 'DELETE /v1/shares/{id}',
  createTraceTicket: 'POST /v1/trace-tickets',
  openTraceSocket: 'GET /v1/traces',
  getInfo: 'GET /v1/info',
  getLimits: 'GET /v1/limits',
  getOutcomes: 'GET /v1/outcomes',
  getLiveness: 'GET /livez',
  getReadiness: 'GET /readyz',
  getOpenApi: 'GET /openapi.json',
  getProblemPage: 'GET /problems/{code}',
};

/** Codes that are answered before a request has a route. */
const WITHOUT_ROUTE: readonly string[] = ['headers_too_large', 'method_not_allowed', 'request_timeout'];

test('the document is valid OpenAPI 3.1, with keys and without', async (t) => {
  for (const apiKeys of [[], API_KEYS]) {
    const document = await documentOf(await build(t, { config: { apiKeys } }));
    const validator = new Validator();
    const { valid, errors } = await validator.validate({ ...document });
    assert.deepEqual([valid, errors ?? []], [true, []]);
    assert.equal(validator.version, '3.1');
  }
});

test('each operation has its name, which stays', async (t) => {
  const operations = operationsOf(await documentOf(await build(t)));
  assert.deepEqual(
    Object.fromEntries(operations.map(({ operationId, method, path }) => [operationId, `${method} ${path}`])),
    OPERATIONS,
  );
  assert.equal(operations.length, Object.keys(OPERATIONS).length);
});

test('each operation says what it is, takes and answers', async (t) => {
  const document = await documentOf(await build(t));
  const tags = document.tags.map(({ name }) => name);
  for (const { operationId, method, path, summary, tags: own, parameters = [], ...rest } of operationsOf(document)) {
    const place = `${operationId} (${method} ${path})`;
    assert.ok(summary.length > 10 || operationId === 'getOpenApi', `${place}: summary`);
    assert.equal(own.length, 1, `${place}: tags`);
    assert.ok(tags.includes(own[0]!), `${place}: tag ${own[0]}`);
    const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]);
    assert.deepEqual(
      parameters.filter((one) => one.in === 'path').map(({ name }) => name),
      inPath,
      `${place}: path`,
    );
    for (const { name, description } of parameters) {
      assert.ok((description ?? '').length > 5, `${place}: description of ${name}`);
    }
    for (const [status, { description, content }] of Object.entries(rest.responses)) {
      assert.doesNotMatch(description, /^(Default Response)?$/, `${place}: ${status}`);
      const hasBody = !['101', '204', '304', '202'].includes(status) || content !== undefined;
      if (hasBody) assert.ok(Object.keys(content ?? {}).length > 0 || status.startsWith('1'), `${place}: ${status}`);
      if (status >= '400') assert.deepEqual(Object.keys(content ?? {}), ['application/problem+json'], place);
    }
    assert.ok(
      Object.keys(rest.responses).some((status) => status < '300'),
      `${place}: what it answers`,
    );
    for (const [type, media] of Object.entries(rest.requestBody?.content ?? {})) {
      if (type === 'application/x-elf') continue;
      assert.ok(examplesOf(media).length > 0, `${place}: an example of ${type}`);
    }
  }
});

test('each problem is documented by an operation, unless there is no route yet', async (t) => {
  const operations = operationsOf(await documentOf(await build(t, { config: { apiKeys: API_KEYS } })));
  const told = operations.flatMap(({ responses }) =>
    Object.values(responses).flatMap(({ description }) => [...description.matchAll(/`([a-z_]+)`/g)]),
  );
  const codes = new Set([...told.map((match) => match[1]!), ...WITHOUT_ROUTE]);
  assert.deepEqual([...codes].toSorted(), Object.keys(PROBLEMS).toSorted());
});

test('a server with keys says where they are needed', async (t) => {
  const secured = async (apiKeys: typeof API_KEYS) =>
    operationsOf(await documentOf(await build(t, { config: { apiKeys } })))
      .filter(({ security = [], responses }) => security.length === 1 && '401' in responses)
      .map(({ operationId }) => operationId);
  const open = ['getInfo', 'getLimits', 'getOutcomes', 'getLiveness', 'getReadiness', 'getOpenApi', 'getProblemPage'];
  const shared = ['getShare', 'deleteShare'];
  const needing = Object.keys(OPERATIONS).filter((name) => ![...open, ...shared].includes(name));
  assert.deepEqual((await secured(API_KEYS)).toSorted(), needing.toSorted());
  assert.deepEqual(await secured([]), []);
});

test('each schema with a name is used', async (t) => {
  const document = await documentOf(await build(t));
  const text = JSON.stringify(document);
  for (const name of Object.keys(document.components.schemas)) {
    assert.ok(text.includes(`"#/components/schemas/${name}"`), name);
  }
});

function examplesOf({ example, examples = {} }: MediaType): unknown[] {
  return [...(example === undefined ? [] : [example]), ...Object.values(examples).map(({ value }) => value)];
}

/** Where an operation with a body is tried: in a sandbox of its own. */
async function addressOf(service: SandboxService, { path, operationId }: PlacedOperation): Promise<string> {
  if (!path.includes('{')) return path;
  const [, , , id] = (await service.make(CHAIN)).split('/');
  const map = operationId === 'putEntry' ? 'hits' : 'chain';
  const places: Readonly<Record<string, string>> = { id: id!, map, key: '00000000', index: '0' };
  return path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => places[name]!);
}

test('each example is a request that is answered', { skip: NO_ENGINE }, async (t: TestContext) => {
  const service = await sandboxService(t);
  let tried = 0;
  for (const operation of operationsOf(await documentOf(service))) {
    const { operationId, method, requestBody } = operation;
    for (const [type, media] of Object.entries(requestBody?.content ?? {})) {
      for (const example of examplesOf(media)) {
        const answer = await service.api.inject({
          method: method as 'POST',
          url: await addressOf(service, operation),
          headers: { 'content-type': type },
          payload: typeof example === 'string' ? example : JSON.stringify(example),
        });
        const told = `${operationId} ${type}: ${answer.body.slice(0, 300)}`;
        assert.ok(answer.statusCode >= 200 && answer.statusCode < 300, told);
        assert.ok(String(answer.statusCode) in operation.responses, told);
        assert.doesNotMatch(answer.body, /"kind":"(?:fault|rejected|budget|internal)"/, told);
        tried += 1;
      }
    }
  }
  assert.ok(tried >= 15, `${tried} examples`);
});
