/** Requests that are larger, deeper or stranger than any honest one: each has a short answer, and the next client is served. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROBLEMS, type ProblemCode } from '../../src/contract/problem.ts';
import { rawRequest } from '../support/raw-request.ts';
import { listening } from '../support/trace-service.ts';

const MIB = 1024 * 1024;
const MOST_GROWTH_BYTES = 512 * MIB;

/** A POST with a JSON body, on a connection that is closed behind it. */
const post = (body: string, path = '/v1/runs', fields = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: waggle\r\nConnection: close\r\nContent-Type: application/json\r\n${fields}` +
  `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const get = (path: string, fields = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: waggle\r\nConnection: close\r\n${fields}\r\n`;
const promised = (length: string): string =>
  `POST /v1/runs HTTP/1.1\r\nHost: waggle\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
const chunked = (chunk: string): string =>
  'POST /v1/runs HTTP/1.1\r\nHost: waggle\r\nConnection: close\r\nContent-Type: application/json\r\n' +
  `Transfer-Encoding: chunked\r\n\r\n${chunk}`;
const megabyteChunks = `${MIB.toString(16)}\r\n${' '.repeat(MIB)}\r\n`.repeat(8);

const ROWS: readonly (readonly [name: string, code: ProblemCode, bytes: () => string])[] = [
  ['one header field of 1 MiB', 'headers_too_large', () => get('/livez', `X: ${'x'.repeat(MIB)}\r\n`)],
  ['100,000 header fields', 'headers_too_large', () => get('/livez', 'X: x\r\n'.repeat(100_000))],
  ['an address of 1 MiB', 'headers_too_large', () => get(`/${'x'.repeat(MIB)}`)],
  ['an address of 10 KiB', 'not_found', () => get(`/v1/runs/${'x'.repeat(10_240)}`)],
  ['10,000 parameters', 'bad_request', () => get(`/v1/runs/x?${'a&'.repeat(5_000)}`)],
  ['a NUL in a header field', 'bad_request', () => get('/livez', 'X: a\0b\r\n')],
  ['a line feed in a header field', 'bad_request', () => get('/livez', 'X: a\nb\r\n')],
  ['two lengths', 'bad_request', () => post('{}', '/v1/runs', 'Content-Length: 5\r\n')],
  ['a length and chunks', 'bad_request', () => post('{}', '/v1/runs', 'Transfer-Encoding: chunked\r\n')],
  ['a negative length', 'bad_request', () => promised('-1')],
  ['a length that is none', 'bad_request', () => promised('many')],
  ['a length of 10 GiB', 'body_too_large', () => promised(String(10 * 1024 * MIB))],
  ['a length past 64 bits', 'bad_request', () => promised('9'.repeat(30))],
  ['chunks of 8 MiB together', 'body_too_large', () => chunked(megabyteChunks)],
  ['a chunk of no length', 'bad_request', () => chunked('zz\r\n')],
  ['a chunk of 2^64 bytes', 'bad_request', () => chunked('ffffffffffffffffff\r\n')],
  ['another protocol', 'bad_request', () => 'EHLO waggle\r\n\r\n'],
  ['HTTP/2 without being asked', 'bad_request', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['TLS', 'bad_request', () => '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
  ['no host', 'bad_request', () => 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['a million brackets', 'schema_violation', () => post('['.repeat(1e6) + ']'.repeat(1e6))],
  ['a million open brackets', 'bad_json', () => post('['.repeat(1e6))],
  ['a million objects, one in the other', 'schema_violation', () => post('{"a":'.repeat(9e5) + 1 + '}'.repeat(9e5))],
  ['a million numbers', 'schema_violation', () => post(`{"programs":[${'0,'.repeat(1e6)}0]}`)],
  ['100,000 fields', 'schema_violation', () => post(`{${Array.from({ length: 1e5 }, (_, n) => `"f${n}":0`).join()}}`)],
  ['a field of 1 MiB', 'schema_violation', () => post(`{"${'f'.repeat(MIB)}":0}`)],
  ['a name of 5 MiB', 'schema_violation', () => post(`{"entry":"${'e'.repeat(5 * MIB)}"}`)],
  ['a number past all numbers', 'schema_violation', () => post('{"entry":"e","repeat":1e999}')],
  ['a number of a million digits', 'schema_violation', () => post(`{"entry":"e","repeat":${'9'.repeat(1e6)}}`)],
  ['half a pair of surrogates', 'schema_violation', () => post('{"entry":"\\ud800"}')],
  [
    'a prototype, a million objects deep',
    'schema_violation',
    () => post(`${'{"a":'.repeat(9e5)}{"__proto__":1}${'}'.repeat(9e5)}`),
  ],
  ['a million escapes of a key', 'schema_violation', () => post(`{"${'\\u005f'.repeat(5e5)}":0}`)],
  ['sixty thousand programs', 'schema_violation', () => post(`{"entry":"e","programs":[${'{},'.repeat(6e4)}{}]}`)],
];

test('bombs have short answers, and leave no harm', { timeout: 180_000 }, async (t) => {
  const { url, lines } = await listening(t);
  const before = process.memoryUsage.rss();
  for (const [name, code, bytes] of ROWS) {
    await t.test(name, async () => {
      const { status, body } = await rawRequest(url, Buffer.from(bytes(), 'latin1'));
      assert.equal(status, PROBLEMS[code].status, `${status} ${body.slice(0, 300)}`);
      assert.equal(JSON.parse(body).code, code, body.slice(0, 300));
      assert.ok(body.length < 2_000, `${body.length} bytes of answer`);
      assert.equal((await fetch(`${url}/livez`)).status, 200);
    });
  }
  const growth = process.memoryUsage.rss() - before;
  assert.ok(growth < MOST_GROWTH_BYTES, `${growth} bytes`);
  assert.deepEqual(
    lines.filter(({ level }) => Number(level) >= 50),
    [],
    'no defects in the log',
  );
});

test('a thousand requests in one piece are answered one after the other', async (t) => {
  const { url } = await listening(t);
  const requests = 'GET /livez HTTP/1.1\r\nHost: waggle\r\n\r\n'.repeat(999) + get('/livez');
  const { body, head } = await rawRequest(url, requests);
  assert.equal(`${head}${body}`.split('HTTP/1.1 200 OK').length - 1, 1_000);
});
