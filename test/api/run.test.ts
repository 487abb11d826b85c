import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { runBody } from '../support/run-body.ts';
import { type BuildOptions, type BuiltService, build } from '../support/service.ts';
import { connectTrace, type TraceClient } from '../support/trace-client.ts';

const NONE = '00000000-0000-4000-8000-000000000000';
const SHORT = runBody({ programs: { p: 'r0 = 2\nexit' } });
const ENDLESS = runBody({ programs: { p: 'l:\ngoto l' }, verify: 'off', budgets: { instructions: 1e10 } });

async function engine(t: TestContext, limits: BuildOptions['limits'] = {}): Promise<BuiltService> {
  return build(t, { worker: null, limits: { maxDrainMs: 20, ...limits } });
}

async function ask(service: BuiltService, url: string, method: 'GET' | 'DELETE' = 'GET') {
  const { statusCode, headers, body } = await service.api.inject({ url, method });
  return { status: statusCode, headers, body: JSON.parse(body) };
}

/** An endless run on the only thread. The trace socket tells the id of a run that is running. */
async function startEndless(service: BuiltService): Promise<{ id: string; client: TraceClient }> {
  const client = await connectTrace(await service.api.listen({ host: '127.0.0.1', port: 0 }));
  client.say({ type: 'hello' });
  client.say({ type: 'subscribe', id: 's', spec: ENDLESS });
  const { run } = await client.wait('started', 's');
  return { id: run, client };
}

test('a finished run answers with its result, as POST did', async (t) => {
  const service = await engine(t);
  const { body } = await service.post(SHORT);
  for (const query of ['', '?wait=0s', '?wait=30s', '?wait=5']) {
    const again = await ask(service, `/v1/runs/${body.id}${query}`);
    assert.equal(again.status, 200);
    assert.deepEqual(again.body, body);
  }
});

test('a run that was refused has a result too; one that ended with a problem has none', async (t) => {
  const service = await engine(t);
  const refused = (await service.post(runBody({ programs: { p: 'r0 = 0\nexit\nr0 = 1\nexit' } }))).body;
  assert.equal(refused.outcome.code, 'rejected_verifier');
  assert.deepEqual((await ask(service, `/v1/runs/${refused.id}`)).body, refused);
  const problem = await service.post({ ...SHORT, entry: 'another' });
  assert.equal(problem.body.code, 'bad_reference');
});

test('ids that are none, and those of no run, are 404; a run that has left is 410', async (t) => {
  const service = await engine(t, { maxReplayBytes: 1 });
  const { body } = await service.post(SHORT);
  const rows = [
    [NONE, 404, 'not_found'],
    ['nothing', 404, 'not_found'],
    [`${NONE}0`, 404, 'not_found'],
    ['..%2f..', 404, 'not_found'],
    ['a'.repeat(5000), 404, 'not_found'],
    [body.id, 410, 'trace_gone'],
  ] as const;
  for (const [id, status, code] of rows) {
    for (const path of ['', '/steps', '/state', '/events', '/trace.perfetto']) {
      const answer = await ask(service, `/v1/runs/${id}${path}`);
      assert.deepEqual([answer.status, answer.body.code], [status, code], `${id}${path}`);
    }
    assert.deepEqual((await ask(service, `/v1/runs/${id}`, 'DELETE')).status, status);
  }
  assert.equal((await ask(service, `/v1/runs/${body.id}`)).body.limit, 'maxReplayBytes');
});

test('parameters are refused by name', async (t) => {
  const service = await engine(t);
  const { body } = await service.post(SHORT);
  const rows = [
    ['?wait=31s', /^wait: .*30s/],
    ['?wait=-1', /^wait: /],
    ['?wait=soon', /^wait: /],
    ['?wait=1&wait=2', /wait/],
    ['?wiat=1', /wiat/],
    [`?wait=${'1'.repeat(5000)}`, /wait/],
    ['/steps?from=-1', /^from: /],
    ['/steps?from=1e3', /^from: /],
    ['/steps?from=9007199254740992', /^from: /],
    ['/steps?count=0', /^count: .*from 1 to 4096/],
    ['/steps?count=4097', /^count: /],
    ['/steps?to=1', /to is not/],
    ['/state?step=x', /^step: /],
    ['/events?detail=all', /^detail: .*chain, steps/],
    ['/trace.perfetto?from=1', /from/],
  ] as const;
  for (const [path, detail] of rows) {
    const answer = await ask(service, `/v1/runs/${body.id}${path}`);
    assert.deepEqual([answer.status, answer.body.code], [400, 'bad_request'], path);
    assert.match(answer.body.detail, detail, path);
  }
});

test('a running run is 202 until it ends, who waits hears its end, and DELETE cancels it', async (t) => {
  const service = await engine(t);
  const { id, client } = await startEndless(service);
  const path = `/v1/runs/${id}`;
  for (const query of ['', '?wait=1s']) {
    const { status, headers, body } = await ask(service, `${path}${query}`);
    assert.deepEqual([status, headers['retry-after'], body], [202, '1', { id, state: 'running' }]);
  }
  const waiting = [
    ask(service, `${path}?wait=30s`),
    ask(service, `${path}/steps?count=2`),
    ask(service, `${path}/state?step=1`),
  ] as const;
  const cancelled = await ask(service, path, 'DELETE');
  assert.deepEqual([cancelled.status, cancelled.body], [202, { id, state: 'running' }]);
  const [result, steps, state] = await Promise.all(waiting);
  assert.deepEqual([result.status, result.body.outcome.code], [200, 'cancelled']);
  assert.deepEqual(
    [steps.body.steps.length, steps.body.steps[1].step, steps.body.next, state.body.step],
    [2, '1', '2', '1'],
  );
  const again = await ask(service, path, 'DELETE');
  assert.deepEqual([again.status, again.body.code], [409, 'run_ended']);
  assert.deepEqual((await ask(service, path)).body, result.body);
  client.end();
});

test('a client that waits for a run and goes away leaves nothing behind', async (t) => {
  const service = await engine(t);
  const { id, client } = await startEndless(service);
  const { port } = service.api.server.address() as { port: number };
  const gone = new AbortController();
  const answers = ['?wait=30s', '/steps', '/events', '/trace.perfetto'].map((path) =>
    fetch(`http://127.0.0.1:${port}/v1/runs/${id}${path}`, { signal: gone.signal }).then((answer) => answer.text()),
  );
  // The events begin with a comment, so that answer is under way; the others have asked by then.
  const events = await fetch(`http://127.0.0.1:${port}/v1/runs/${id}/events`, { signal: gone.signal });
  assert.equal(events.status, 200);
  gone.abort();
  for (const answer of answers) await assert.rejects(answer, { name: 'AbortError' });
  assert.equal((await ask(service, `/v1/runs/${id}`, 'DELETE')).status, 202);
  await service.busy(0);
  client.end();
  await service.close();
  assert.deepEqual(
    service.lines.filter((line) => Number(line.level) >= 50),
    [],
  );
});
