/** A run on a sandbox over the trace socket: its steps, applied, give its final state, whatever came after it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaggleClient } from '../../src/client/client.ts';
import { CHAIN, PACKET, sandboxService } from '../support/sandbox-service.ts';

test('the steps of a run on a sandbox come over the socket, and can be visited after the sandbox has moved on', async (t) => {
  const service = await sandboxService(t);
  const url = await service.api.listen({ host: '127.0.0.1', port: 0 });
  const path = await service.make(CHAIN);
  await service.ask('PUT', `${path}/maps/chain/slots/0`, { program: 'drop' });
  await service.ask('POST', `${path}/runs`, { entry: 'entry', input: PACKET });
  const client = new WaggleClient(url);
  const sandbox = path.split('/').at(-1)!;
  const trace = client.trace({ sandbox, spec: { entry: 'entry', input: PACKET, return: { maps: ['hits'] } } });
  let steps = 0;
  for await (const step of trace) steps = Number(step.step) + 1;
  const result = await trace.result;
  assert.equal(String(steps), result.counters.instructions);
  assert.deepEqual(
    result.output.maps.hits!.map(({ value }) => value.hex),
    ['0000000000000000', '0200000000000000'],
  );
  assert.deepEqual([result.chain[0]!.to, result.chain[0]!.generation], ['drop', 1]);
  await service.ask('DELETE', path);
  const again = await service.ask('GET', `/v1/runs/${result.id}/state?step=0`);
  assert.equal(again.body.maps.hits[1].value.hex, '0100000000000000');
});
