/** Stored programs in sandboxes: from the beginning, and added later. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROGRAM_EXAMPLES } from '../../src/api/examples.ts';
import { objectBytes } from '../support/fixtures.ts';
import { build } from '../support/service.ts';

const INPUT = { packet: { hex: '00'.repeat(64) } };
const [ENTRY, NEXT] = PROGRAM_EXAMPLES as unknown as [object, object];

test('a sandbox of stored programs, and one that is added by its id', async (t) => {
  const service = await build(t, { worker: null });
  const ask = async (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object) => {
    const response = await service.api.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
    return { status: response.statusCode, body: response.body === '' ? null : response.json() };
  };
  const store = async (program: object): Promise<string> =>
    (await ask('POST', '/v1/programs', program)).body.programs[0].id;
  const [entry, next] = [await store(ENTRY), await store(NEXT)];
  const made = await ask('POST', '/v1/sandboxes', { programs: [{ name: 'entry', id: entry }] });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const url = `/v1/sandboxes/${made.body.id}`;
  const run = async () => (await ask('POST', `${url}/runs`, { entry: 'entry', input: INPUT })).body;
  const before = await run();
  assert.deepEqual([before.returnValue, before.chain[0].miss], [1, 'empty']);

  const added = await ask('POST', `${url}/programs`, { name: 'later', id: next });
  assert.equal(added.status, 201, JSON.stringify(added.body));
  assert.equal((await ask('PUT', `${url}/maps/chain/slots/0`, { program: 'later' })).status < 300, true);
  const after = await run();
  assert.deepEqual([after.returnValue, after.chain[0].to], [2, 'later']);

  // What it needs must be there.
  const needy = await store({
    name: 'needy',
    type: 'xdp',
    asm: 'r1 = hits ll\nr0 = 1\nexit',
    maps: [{ name: 'hits', type: 'array', valueSize: 8, maxEntries: 1 }],
  });
  const refused = await ask('POST', `${url}/programs`, { name: 'needy', id: needy });
  assert.deepEqual([refused.status, refused.body.code], [422, 'bad_reference']);
  assert.match(refused.body.detail, /needs a map 'hits' \(array, keySize 4, valueSize 8\)/);
  const unknown = await ask('POST', `${url}/programs`, { name: 'x', id: `sha256:${'0'.repeat(64)}` });
  assert.deepEqual([unknown.status, unknown.body.code], [422, 'bad_reference']);
});

test('a stored program joins the sandbox of its object, global data and all', async (t) => {
  const service = await build(t, { worker: null });
  const elf = { base64: Buffer.from(objectBytes('data.o')).toString('base64') };
  const post = async (url: string, payload: object) => {
    const response = await service.api.inject({ method: 'POST', url, payload });
    return { status: response.statusCode, body: response.json() };
  };
  const { id } = (await post('/v1/programs', { elf })).body.programs[0];
  const sandbox = (await post('/v1/sandboxes', { object: { elf } })).body.id;
  const added = await post(`/v1/sandboxes/${sandbox}/programs`, { name: 'again', id });
  assert.equal(added.status, 201, JSON.stringify(added.body));
  const run = async (entry: string) =>
    (await post(`/v1/sandboxes/${sandbox}/runs`, { entry, input: INPUT })).body.returnValue;
  const values = [await run('entry'), await run('again'), await run('entry')];
  assert.equal(new Set(values).size, 3, `variables go on counting: ${values.join()}`);
});
