import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProblemCode } from '../../src/contract/problem.ts';
import { PROBLEMS } from '../../src/contract/problem.ts';
import { build, scripted } from '../support/service.ts';

interface Row {
  readonly name: string;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  readonly code: ProblemCode;
  readonly pointer?: string;
  readonly limit?: string;
}

const bytes = { hex: '00' };
const map = (changes: object) => ({ maps: [{ name: 'chain', type: 'prog_array', maxEntries: 1, ...changes }] });
const body = (changes: object) => ({ ...scripted('exit'), ...changes });
const program = (changes: object) => ({
  ...scripted('exit'),
  programs: [{ name: 'exit', type: 'xdp', asm: 'exit', ...changes }],
});

const ROWS: readonly Row[] = [
  { name: 'not JSON', body: '{"entry":', code: 'bad_json' },
  { name: 'an empty body', body: '', code: 'bad_json' },
  { name: 'not UTF-8', body: Buffer.from([0x22, 0xff, 0x22]), code: 'bad_json' },
  {
    name: 'a key __proto__',
    body: '{"entry":"a","__proto__":{"x":1}}',
    code: 'schema_violation',
    pointer: '/__proto__',
  },
  {
    name: 'a key __proto__ in escapes, deep inside',
    body: '{"entry":"a","maps":[{"name":"m"},{"\\u005f_proto__":1}]}',
    code: 'schema_violation',
    pointer: '/maps/1/__proto__',
  },
  {
    name: 'a key constructor.prototype',
    body: '{"entry":"a","constructor":{"prototype":{"x":1}}}',
    code: 'schema_violation',
    pointer: '/constructor/prototype',
  },
  {
    name: 'another content type',
    body: 'entry: a',
    headers: { 'content-type': 'text/plain' },
    code: 'unsupported_media_type',
  },
  {
    name: 'a form',
    body: 'entry=a',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    code: 'unsupported_media_type',
  },
  {
    name: 'a compressed body',
    body: '{"entry":"a"}',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    code: 'unsupported_media_type',
  },
  { name: 'not an object', body: [], code: 'schema_violation', pointer: '' },
  { name: 'no entry', body: {}, code: 'schema_violation', pointer: '/entry' },
  { name: 'an unknown field', body: body({ entyr: 'x' }), code: 'schema_violation', pointer: '/entyr' },
  { name: 'an unknown field with a slash', body: body({ 'a/b~': 1 }), code: 'schema_violation', pointer: '/a~1b~0' },
  {
    name: 'an unknown field of a program',
    body: program({ source: 'x' }),
    code: 'schema_violation',
    pointer: '/programs/0/source',
  },
  { name: 'text for a number', body: body({ repeat: '5' }), code: 'schema_violation', pointer: '/repeat' },
  { name: 'a number that is no integer', body: body({ repeat: 1.5 }), code: 'schema_violation', pointer: '/repeat' },
  {
    name: 'more than 33 tail calls',
    body: body({ maxTailCalls: 34 }),
    code: 'schema_violation',
    pointer: '/maxTailCalls',
  },
  { name: 'an unknown verify mode', body: body({ verify: 'maybe' }), code: 'schema_violation', pointer: '/verify' },
  { name: 'an unknown profile', body: body({ profile: 'linux-2.4' }), code: 'schema_violation', pointer: '/profile' },
  {
    name: 'a seed past 64 bits',
    body: body({ seed: '18446744073709551616' }),
    code: 'schema_violation',
    pointer: '/seed',
  },
  {
    name: 'a seed that JSON numbers cannot hold',
    body: body({ seed: 2 ** 53 }),
    code: 'schema_violation',
    pointer: '/seed',
  },
  { name: 'a negative seed', body: body({ seed: '-1' }), code: 'schema_violation', pointer: '/seed' },
  {
    name: 'a name with a space',
    body: program({ name: 'a b' }),
    code: 'schema_violation',
    pointer: '/programs/0/name',
  },
  { name: 'the name __proto__', body: body({ entry: '__proto__' }), code: 'schema_violation', pointer: '/entry' },
  {
    name: 'a program without a source',
    body: program({ asm: undefined }),
    code: 'schema_violation',
    pointer: '/programs/0',
  },
  {
    name: 'a program with two sources',
    body: program({ insns: bytes }),
    code: 'schema_violation',
    pointer: '/programs/0',
  },
  {
    name: 'a program without a type',
    body: program({ type: undefined }),
    code: 'schema_violation',
    pointer: '/programs/0/type',
  },
  {
    name: 'bytes without a spelling',
    body: body({ input: { packet: {} } }),
    code: 'schema_violation',
    pointer: '/input/packet',
  },
  {
    name: 'bytes in two spellings',
    body: body({ input: { packet: { hex: '', text: '' } } }),
    code: 'schema_violation',
    pointer: '/input/packet',
  },
  {
    name: 'a slot that is no index',
    body: body(map({ slots: { '01': 'exit' } })),
    code: 'schema_violation',
    pointer: '/maps/0/slots/01',
  },
  {
    name: 'context fields beside bytes',
    body: body({ input: { ctx: { hex: '00', mark: 1 } } }),
    code: 'schema_violation',
    pointer: '/input/ctx',
  },
  { name: 'odd hex', body: body({ input: { packet: { hex: '0' } } }), code: 'bad_bytes', pointer: '/input/packet' },
  {
    name: 'hex that is none',
    body: program({ asm: undefined, insns: { hex: '0g' } }),
    code: 'bad_bytes',
    pointer: '/programs/0/insns',
  },
  {
    name: 'base64 without padding',
    body: body({ object: { elf: { base64: 'AA' } } }),
    code: 'bad_bytes',
    pointer: '/object/elf',
  },
  {
    name: 'base64 with stray bits',
    body: body({ object: { elf: { base64: 'AB==' } } }),
    code: 'bad_bytes',
    pointer: '/object/elf',
  },
  {
    name: 'text with half a surrogate pair',
    body: '{"entry":"a","input":{"packet":{"text":"\\ud800"}}}',
    code: 'bad_bytes',
    pointer: '/input/packet',
  },
  {
    name: 'bad bytes in an entry',
    body: body(map({ entries: [{ key: bytes, value: { hex: 'z' } }] })),
    code: 'bad_bytes',
    pointer: '/maps/0/entries/0/value',
  },
  {
    name: 'too many instructions',
    body: body({ budgets: { instructions: 1e11 } }),
    code: 'limit_exceeded',
    pointer: '/budgets/instructions',
    limit: 'maxInstructions',
  },
  {
    name: 'too much time',
    body: body({ budgets: { wallMs: 60_001 } }),
    code: 'limit_exceeded',
    pointer: '/budgets/wallMs',
    limit: 'maxWallMs',
  },
  {
    name: 'too much memory',
    body: body({ budgets: { memoryBytes: 2 ** 30 } }),
    code: 'limit_exceeded',
    pointer: '/budgets/memoryBytes',
    limit: 'maxMemoryBytes',
  },
  {
    name: 'too much trace',
    body: body({ budgets: { traceBytes: 2 ** 30 } }),
    code: 'limit_exceeded',
    pointer: '/budgets/traceBytes',
    limit: 'maxTraceBytes',
  },
  {
    name: 'too many repetitions',
    body: body({ repeat: 1e6 }),
    code: 'limit_exceeded',
    pointer: '/repeat',
    limit: 'maxRepeat',
  },
  {
    name: 'too many programs',
    body: body({ programs: Array(5).fill({ name: 'exit', type: 'xdp', asm: 'exit' }) }),
    code: 'limit_exceeded',
    pointer: '/programs',
    limit: 'maxPrograms',
  },
  {
    name: 'too many maps',
    body: body({ maps: Array(5).fill({ name: 'm' }) }),
    code: 'limit_exceeded',
    pointer: '/maps',
    limit: 'maxMaps',
  },
  {
    name: 'too many entries',
    body: body(map({ entries: Array(9).fill({ key: bytes, value: bytes }) })),
    code: 'limit_exceeded',
    pointer: '/maps',
    limit: 'maxMapSettings',
  },
  {
    name: 'a packet too long',
    body: body({ input: { packet: { hex: '00'.repeat(257) } } }),
    code: 'limit_exceeded',
    pointer: '/input/packet',
    limit: 'maxPacketBytes',
  },
  {
    name: 'an object too long',
    body: body({ object: { elf: { hex: '00'.repeat(3000) } } }),
    code: 'limit_exceeded',
    pointer: '/object/elf',
    limit: 'maxObjectBytes',
  },
  {
    name: 'a body too long',
    body: body({ object: { elf: { hex: '00'.repeat(6000) } } }),
    code: 'body_too_large',
    limit: 'maxBodyBytes',
  },
  {
    name: 'a body too long beside its object',
    body: program({ asm: ' '.repeat(5000) }),
    code: 'body_too_large',
    limit: 'maxBodyBytesBesideObject',
  },
  {
    name: 'an id of no stored program',
    body: program({ asm: undefined, type: undefined, id: `sha256:${'0'.repeat(64)}` }),
    code: 'bad_reference',
    pointer: '/programs/0/id',
  },
  {
    name: 'an id that is no hash',
    body: program({ asm: undefined, type: undefined, id: 'sha256:0' }),
    code: 'schema_violation',
    pointer: '/programs/0/id',
  },
  {
    name: 'an inner map',
    body: body(map({ inner: { type: 'array' } })),
    code: 'not_implemented',
    pointer: '/maps/0/inner',
  },
  { name: 'map_extra', body: body(map({ mapExtra: '0x1' })), code: 'not_implemented', pointer: '/maps/0/mapExtra' },
  { name: 'a capture', body: body({ input: { pcap: { id: 'x' } } }), code: 'not_implemented', pointer: '/input/pcap' },
  { name: 'a CPU', body: body({ cpu: 1 }), code: 'not_implemented', pointer: '/cpu' },
  { name: 'an environment', body: body({ environment: {} }), code: 'not_implemented', pointer: '/environment' },
  { name: 'kconfig', body: body({ kconfig: {} }), code: 'not_implemented', pointer: '/kconfig' },
  { name: "a kernel's BTF", body: body({ btf: bytes }), code: 'not_implemented', pointer: '/btf' },
];

test('every bad input has its documented answer, none makes a metric series, and the next run is served', async (t) => {
  const service = await build(t, {
    limits: {
      maxPrograms: 4,
      maxMaps: 4,
      maxMapSettings: 8,
      maxPacketBytes: 256,
      maxObjectBytes: 2048,
      maxBodyBytes: 8192,
      maxBodyBytesBesideObject: 4096,
    },
  });
  const series = async () => {
    const text = (await service.admin.inject('/metrics')).body;
    return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  };
  const before = await series();
  for (const row of ROWS) {
    await t.test(row.name, async () => {
      const { status, body: problem, headers } = await service.post(row.body, row.headers);
      assert.equal(problem.code, row.code, JSON.stringify(problem));
      assert.equal(status, PROBLEMS[row.code].status);
      assert.equal(problem.status, status);
      assert.match(String(headers['content-type']), /^application\/problem\+json/);
      assert.equal(problem.requestId, headers['x-request-id']);
      assert.equal(problem.errors?.[0]?.pointer, row.pointer);
      assert.equal(problem.limit, row.limit);
      assert.doesNotMatch(JSON.stringify(problem), /node_modules|\.ts\b|at Object/);
    });
  }
  assert.equal((await service.post(scripted('exit'))).status, 200);
  assert.equal(await series(), before);
});
