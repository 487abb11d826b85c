import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { PROBLEMS } from '../../src/contract/problem.ts';
import { build } from '../support/service.ts';

test('an address answers another method with 405 and Allow', async (t) => {
  const { api } = await build(t);
  for (const [method, url, allow] of [
    ['GET', '/v1/runs', 'POST'],
    ['DELETE', '/v1/runs', 'POST'],
    ['POST', '/v1/runs/x', 'DELETE, GET, HEAD'],
    ['DELETE', '/v1/runs/x/steps', 'GET, HEAD'],
    ['HEAD', '/v1/runs/x/events', 'GET'],
    ['POST', '/v1/limits', 'GET, HEAD'],
    ['PUT', '/livez', 'GET, HEAD'],
    ['OPTIONS', '/v1/info', 'GET, HEAD'],
  ] as const) {
    const response = await api.inject({ method, url });
    assert.equal(response.statusCode, 405, `${method} ${url}`);
    assert.equal(response.headers.allow, allow);
    if (method !== 'HEAD') assert.equal(response.json().code, 'method_not_allowed');
  }
});

test('an unknown address is 404, one of a later version 501', async (t) => {
  const { api } = await build(t);
  for (const [url, status, code] of [
    ['/', 404, 'not_found'],
    ['/v1/nothing', 404, 'not_found'],
    ['/v1/sandboxesX', 404, 'not_found'],
    ['/v1/inputs', 501, 'not_implemented'],
    ['/v1/inputs/1/rows', 501, 'not_implemented'],
    ['/%c0', 400, 'bad_request'],
  ] as const) {
    const response = await api.inject(url);
    assert.equal(response.statusCode, status, url);
    assert.equal(response.json().code, code);
    assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
  }
});

test('the type of every problem is a page', async (t) => {
  const { api } = await build(t);
  for (const code of Object.keys(PROBLEMS)) {
    const page = await api.inject(`/problems/${code}`);
    assert.equal(page.statusCode, 200);
    assert.match(page.body, new RegExp(`<h1>${code}</h1>`));
  }
});

test('/metrics on the main port names the admin port', async (t) => {
  const { api, admin } = await build(t);
  await admin.listen({ host: '127.0.0.1', port: 0 });
  const { port } = admin.server.address() as { port: number };
  const response = await api.inject('/metrics');
  assert.equal(response.statusCode, 404);
  assert.match(response.json().detail, new RegExp(`http://127\\.0\\.0\\.1:${port}/metrics`));
});

test('bytes that are not HTTP are answered with a problem', async (t) => {
  const { api } = await build(t);
  await api.listen({ host: '127.0.0.1', port: 0 });
  const { port } = api.server.address() as { port: number };
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('what is this\r\n\r\n'));
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.equal(JSON.parse(answer.slice(answer.indexOf('{'))).code, 'bad_request');
});

test('a request id of the client is kept only if it is harmless', async (t) => {
  const { api } = await build(t);
  const id = async (given: string) =>
    (await api.inject({ url: '/livez', headers: { 'x-request-id': given } })).headers['x-request-id'];
  assert.equal(await id('abc-1'), 'abc-1');
  assert.match(String(await id('a b"')), /^[0-9a-f-]{36}$/);
});
