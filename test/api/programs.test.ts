/** Stored programs over HTTP: stored once, shown, named by runs, and nobody else's. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Value } from 'typebox/value';
import { PROGRAM_EXAMPLES } from '../../src/api/examples.ts';
import {
  Disassembly,
  ProgramDetails,
  ProgramGraph,
  ProgramsStored,
  ProgramVerification,
} from '../../src/contract/program.ts';
import { objectBytes } from '../support/fixtures.ts';
import { type BuildOptions, type BuiltService, build } from '../support/service.ts';
import { greeted } from '../support/trace-service.ts';

interface Asked {
  readonly method?: 'GET' | 'POST' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: object | Buffer;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads the fields of the answer that it expects
  readonly body: any;
}

async function ask(
  service: BuiltService,
  url: string,
  { method = 'GET', headers = {}, payload }: Asked = {},
): Promise<Answered> {
  const response = await service.api.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  const isJson = /[/+]json/.test(String(response.headers['content-type']));
  return {
    status: response.statusCode,
    headers: response.headers,
    text: response.body,
    body: isJson && response.body !== '' ? response.json() : null,
  };
}

const service = (t: TestContext, options: BuildOptions = {}) => build(t, { worker: null, ...options });
const post = (one: BuiltService, payload: object | Buffer, headers: Readonly<Record<string, string>> = {}) =>
  ask(one, '/v1/programs', { method: 'POST', payload, headers });
const elf = (name: string) => Buffer.from(objectBytes(name));
const [ENTRY, NEXT] = PROGRAM_EXAMPLES as unknown as [object, object];
const UNKNOWN_ID = `sha256:${'0'.repeat(64)}`;
const X_ELF = { 'content-type': 'application/x-elf' };

const REFUSED: readonly (readonly [
  what: string,
  payload: object | Buffer,
  status: number,
  code: string,
  pointer: string | null,
  headers?: Readonly<Record<string, string>>,
])[] = [
  ['neither', {}, 400, 'schema_violation', '/name'],
  ['no source', { name: 'p', type: 'xdp' }, 400, 'schema_violation', ''],
  ['two sources', { name: 'p', type: 'xdp', asm: 'exit', insns: { hex: '00' } }, 400, 'schema_violation', ''],
  ['no type', { name: 'p', asm: 'exit' }, 400, 'schema_violation', '/type'],
  ['an id', { name: 'p', id: UNKNOWN_ID }, 400, 'schema_violation', '/id'],
  ['an object and a name', { elf: { hex: '' }, name: 'p' }, 400, 'schema_violation', '/name'],
  ['half a byte', { elf: { hex: '0' } }, 422, 'bad_bytes', '/elf'],
  ['no object', { elf: { hex: '00' } }, 422, 'bad_elf', '/elf'],
  ['no object, as bytes', Buffer.from('no'), 422, 'bad_elf', '', X_ELF],
  ['nothing at all, as bytes', Buffer.alloc(0), 422, 'bad_elf', '', X_ELF],
  ['bad text', { name: 'p', type: 'xdp', asm: 'r0 = = 1' }, 422, 'bad_assembly', '/asm'],
  ['half an instruction', { name: 'p', type: 'xdp', insns: { hex: '95' } }, 422, 'bad_instructions', '/insns'],
  [
    'a map that is not there',
    { name: 'p', type: 'xdp', insns: { hex: '18110000050000000000000000000000' } },
    422,
    'bad_reference',
    '/insns',
  ],
  [
    'a map of no type',
    { name: 'p', type: 'xdp', asm: 'exit', maps: [{ name: 'm' }] },
    422,
    'bad_reference',
    '/maps/0/name',
  ],
  [
    'a map that cannot be created',
    { name: 'p', type: 'xdp', asm: 'exit', maps: [{ name: 'm', type: 'array', valueSize: 8, maxEntries: 0 }] },
    422,
    'load_rejected',
    null,
  ],
  ['what libbpf refuses', elf('refused-section.o'), 422, 'load_rejected', null, X_ELF],
  ['a type of later', { name: 'p', type: 'tracing', asm: 'exit' }, 501, 'not_implemented', '/type'],
  [
    'a map of later',
    { name: 'p', type: 'xdp', asm: 'exit', maps: [{ name: 'm', type: 'array_of_maps', maxEntries: 1, inner: {} }] },
    501,
    'not_implemented',
    '/maps/0/inner',
  ],
  ['text', Buffer.from('x'), 415, 'unsupported_media_type', null, { 'content-type': 'text/plain' }],
  ['packed', elf('one-program.o'), 415, 'unsupported_media_type', null, { ...X_ELF, 'content-encoding': 'gzip' }],
];

test('stored programs', async (t) => {
  const one = await service(t);

  await t.test('a program is stored once, under one id however it comes', async () => {
    const first = await post(one, ENTRY);
    assert.equal(first.status, 201, first.text);
    assert.deepEqual([...Value.Errors(ProgramsStored, first.body)], []);
    const [{ id, name, type }] = first.body.programs;
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual([name, type, first.headers.location], ['entry', 'xdp', `/v1/programs/${id}`]);
    assert.deepEqual(first.body.maps[0], {
      name: 'chain',
      type: 'prog_array',
      keySize: 4,
      valueSize: 4,
      maxEntries: 4,
      flags: [],
      frozen: false,
    });
    const again = await post(one, { ...ENTRY, name: 'renamed' });
    assert.deepEqual([again.status, again.body.programs], [200, [{ id, name: 'renamed', type: 'xdp' }]]);
    // The name of the first time stays: the answer is immutable.
    assert.equal((await ask(one, `/v1/programs/${id}`)).body.name, 'entry');
  });

  await t.test('the programs of an object, as JSON and as bytes', async () => {
    const json = await post(one, { elf: { base64: elf('linear-chain.o').toString('base64') } });
    assert.equal(json.status, 201);
    assert.ok(json.body.programs.length > 1);
    assert.equal(json.headers.location, undefined);
    const bytes = await post(one, elf('linear-chain.o'), X_ELF);
    assert.deepEqual([bytes.status, bytes.body], [200, json.body]);
    const other = await post(one, elf('one-program.o'), X_ELF);
    assert.deepEqual([other.status, other.headers.location], [201, `/v1/programs/${other.body.programs[0].id}`]);
  });

  await t.test('what cannot be stored is refused with its place', async () => {
    for (const [what, payload, status, code, pointer, headers] of REFUSED) {
      const answer = await post(one, payload, headers);
      assert.deepEqual([answer.status, answer.body.code], [status, code], `${what}: ${answer.text}`);
      assert.deepEqual(answer.body.errors?.[0]?.pointer ?? null, pointer, `${what}: ${answer.text}`);
    }
    const runs = await ask(one, '/v1/runs', { method: 'POST', payload: elf('one-program.o'), headers: X_ELF });
    assert.deepEqual([runs.status, runs.body.code], [415, 'unsupported_media_type']);
  });

  await t.test('every view fits its schema, is immutable, and is not sent twice', async () => {
    const { programs } = (await post(one, elf('subprogram-tail-call.o'), X_ELF)).body;
    const { id } = programs[0];
    const rows = [
      ['', ProgramDetails, `"${id}"`],
      ['/disassembly', Disassembly, null],
      ['/cfg', ProgramGraph, null],
      ['/verification', ProgramVerification, null],
      ['/disassembly?format=text', null, null],
      ['/cfg?format=dot', null, null],
    ] as const;
    const tags = new Set<unknown>();
    for (const [path, schema, tag] of rows) {
      const url = `/v1/programs/${id}${path}`;
      const first = await ask(one, url);
      assert.equal(first.status, 200, first.text);
      if (schema !== null) {
        assert.deepEqual([...Value.Errors(schema, first.body)], [], path);
        assert.equal(first.body.id, id);
      }
      const etag = String(first.headers.etag);
      tags.add(etag);
      if (tag !== null) assert.equal(etag, tag);
      assert.match(etag, /^"[^"]+"$/);
      assert.match(String(first.headers['cache-control']), /^private, max-age=[0-9]+, immutable$/);
      for (const field of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const { status, text, headers } = await ask(one, url, { headers: { 'if-none-match': field } });
        assert.deepEqual([status, text, headers.etag], [304, '', etag], field);
      }
      const other = await ask(one, url, { headers: { 'if-none-match': '"other"' } });
      assert.deepEqual([other.status, other.text], [200, first.text]);
      const head = await ask(one, url, { method: 'HEAD' });
      assert.deepEqual([head.status, head.text, head.headers.etag], [200, '', etag]);
    }
    assert.equal(tags.size, rows.length, 'every representation has a tag of its own');
  });

  await t.test('the form of a view is what Accept or format says', async () => {
    const { id } = (await post(one, ENTRY)).body.programs[0];
    const rows = [
      ['disassembly', 'text/plain', '', /^; entry:\n/],
      ['disassembly', 'text/*;q=0.9, application/json;q=0.5', '', /^; entry:\n/],
      ['disassembly', 'application/json, text/plain', '', /^\{/],
      ['disassembly', 'image/png', '', /^\{/],
      ['disassembly', 'text/plain', '?format=json', /^\{/],
      ['cfg', 'text/vnd.graphviz', '', /^digraph "entry" \{/],
      ['cfg', '*/*', '', /^\{/],
      ['cfg', '*/*', '?format=dot', /^digraph/],
    ] as const;
    for (const [view, accept, query, text] of rows) {
      const answer = await ask(one, `/v1/programs/${id}/${view}${query}`, { headers: { accept } });
      assert.equal(answer.status, 200);
      assert.match(answer.text, text, `${view} ${accept} ${query}`);
      assert.match(String(answer.headers['content-type']), answer.text.startsWith('{') ? /json/ : /^text\//);
      assert.match(String(answer.headers.vary), /accept/);
    }
    const wrong = await ask(one, `/v1/programs/${id}/cfg?format=svg`);
    assert.deepEqual([wrong.status, wrong.body.code], [400, 'bad_request']);
  });

  await t.test('verification says what Linux would, with its log', async () => {
    const { id } = (await post(one, { name: 'p', type: 'xdp', asm: 'r0 = 0\nexit\nr0 = 1\nexit' })).body.programs[0];
    const { body } = await ask(one, `/v1/programs/${id}/verification`);
    assert.deepEqual([body.verdict, body.level, body.profile], ['rejected', 'structure', 'linux-6.18']);
    assert.match(body.rejection.message, /unreachable insn 2/);
    assert.match(body.rejection.log, /unreachable insn 2\nprocessed 0 insns/);
    const good = (await post(one, NEXT)).body.programs[0].id;
    const accepted = (await ask(one, `/v1/programs/${good}/verification`)).body;
    assert.deepEqual(
      [accepted.verdict, accepted.rejection, accepted.programs],
      ['partial', null, [{ name: 'next', insnsProcessed: 2, stackDepth: 0 }]],
    );
  });

  await t.test('runs name stored programs, and batches and traces too', async () => {
    const ids = await Promise.all([ENTRY, NEXT].map(async (program) => (await post(one, program)).body.programs[0].id));
    const body = {
      programs: [
        { name: 'entry', id: ids[0] },
        { name: 'next', id: ids[1] },
      ],
      entry: 'entry',
      input: { packet: { hex: '00'.repeat(64) } },
    };
    const { body: result } = await one.post(body);
    assert.deepEqual([result.outcome.code, result.returnValue, result.counters.tailCalls], ['exit', 2, 1]);
    const accepted = await ask(one, '/v1/runs', {
      method: 'POST',
      payload: body,
      headers: { prefer: 'respond-async' },
    });
    assert.equal(accepted.status, 202, accepted.text);
    const later = await ask(one, `${String(accepted.headers.location)}?wait=10s`);
    assert.equal(later.body.returnValue, 2, later.text);
    const client = await greeted(await one.api.listen({ host: '127.0.0.1', port: 0 }));
    client.say({ type: 'subscribe', id: 's', spec: body });
    assert.equal((await client.wait('result', 's')).result.returnValue, 2);
    client.say({ type: 'subscribe', id: 'u', spec: { ...body, programs: [{ name: 'p', id: UNKNOWN_ID }] } });
    const { problem } = await client.wait('error', 'u');
    assert.deepEqual([problem.code, problem.errors?.[0]?.pointer], ['bad_reference', '/spec/programs/0/id']);
    client.end();
    const page = await ask(one, `/v1/runs/${result.id}/steps`);
    assert.equal(page.body.steps.length, Number(result.counters.instructions));
    const batch = await ask(one, '/v1/batches', { method: 'POST', payload: { items: [body, body] } });
    const lines = batch.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map((line) => line.result?.returnValue),
      [2, 2],
      batch.text,
    );
  });

  await t.test('a program that is not there is the request’s fault', async () => {
    const id = UNKNOWN_ID;
    const { status, body } = await one.post({ programs: [{ name: 'p', id }], entry: 'p' });
    assert.deepEqual([status, body.code, body.errors?.[0]?.pointer], [422, 'bad_reference', '/programs/0/id']);
    const malformed = await one.post({ programs: [{ name: 'p', id: 'sha256:0' }], entry: 'p' });
    assert.deepEqual([malformed.status, malformed.body.code], [400, 'schema_violation']);
    for (const path of [id, 'sha256:0', 'x', `${id}/cfg`, `${id}/disassembly`, `${id}/verification`]) {
      const answer = await ask(one, `/v1/programs/${path}`);
      assert.deepEqual([answer.status, answer.body.code], [404, 'not_found'], path);
    }
  });
});

test('limits of an upload are named', async (t) => {
  const one = await service(t, {
    limits: {
      maxObjectBytes: 100,
      maxBodyBytesBesideObject: 2000,
      maxMaps: 1,
      maxMapSettings: 1,
      maxProgramFormBytes: 300,
    },
  });
  const map = { type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 };
  const program = { name: 'p', type: 'xdp', asm: 'r0 = 1\nexit' };
  const slots = { '0': 'a', '1': 'b' };
  const rows = [
    [elf('one-program.o'), 413, 'maxObjectBytes', X_ELF],
    [{ elf: { base64: elf('one-program.o').toString('base64') } }, 422, 'maxObjectBytes'],
    [{ ...program, asm: '\n'.repeat(2000) }, 413, 'maxBodyBytesBesideObject'],
    [
      {
        ...program,
        maps: [
          { name: 'a', ...map },
          { name: 'b', ...map },
        ],
      },
      422,
      'maxMaps',
    ],
    [{ ...program, maps: [{ name: 'a', type: 'prog_array', maxEntries: 2, slots }] }, 422, 'maxMapSettings'],
    [{ ...program, asm: 'r0 = 1\n'.repeat(50) }, 422, 'maxProgramFormBytes'],
  ] as const;
  for (const [payload, status, limit, headers] of rows) {
    const answer = await post(one, payload, headers);
    assert.deepEqual([answer.status, answer.body.limit], [status, limit], answer.text);
    assert.match(answer.body.detail, new RegExp(limit));
  }
});

test('a view that is too large names the limit', async (t) => {
  const one = await service(t, { limits: { maxProgramViewBytes: 100 } });
  const { id } = (await post(one, ENTRY)).body.programs[0];
  for (const path of ['', '/disassembly', '/cfg', '/verification', '/disassembly?format=text', '/cfg?format=dot']) {
    const answer = await ask(one, `/v1/programs/${id}${path}`);
    assert.deepEqual([answer.status, answer.body.limit], [422, 'maxProgramViewBytes'], path);
    // A refusal is nothing to keep.
    assert.deepEqual([answer.headers.etag, answer.headers['cache-control']], [undefined, undefined]);
  }
});
