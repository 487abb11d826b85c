import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXAMPLES } from '../../src/api/examples.ts';
import { build } from '../support/service.ts';
import { connectTrace } from '../support/trace-client.ts';

test("a run of the engine over the socket: started, the result's own chain rows, result, end", async (t) => {
  const service = await build(t, { worker: null });
  const url = await service.api.listen({ host: '127.0.0.1', port: 0 });
  const client = await connectTrace(url);
  client.say({ type: 'hello', encoding: 'json' });
  await client.wait('welcome');
  for (const [index, { body }] of EXAMPLES.entries()) {
    const id = `example${index}`;
    client.say({ type: 'subscribe', id, spec: body, detail: 'chain' });
    await client.wait('end', id);
    const mine = client.heard.filter((message) => message.id === id);
    assert.equal(mine[0]?.type, 'started');
    const { programs } = await client.wait('started', id);
    assert.deepEqual(
      programs.map(({ name }) => name),
      body.programs!.map(({ name }) => name),
    );
    const { result } = await client.wait('result', id);
    assert.equal(result.outcome.code, 'exit');
    assert.deepEqual(
      mine.filter((message) => message.type === 'chain').flatMap(({ rows }) => rows),
      result.chain,
    );
  }
  client.end();
  assert.equal((await client.closed).code, 1000);
});
