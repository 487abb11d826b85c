import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBytes } from '../../src/api/decode-bytes.ts';
import { decodeRun } from '../../src/api/decode-run.ts';
import { ProblemError } from '../../src/api/problem-error.ts';
import { TokenBucket } from '../../src/api/rate.ts';
import { limitsWith } from '../../src/contract/limits.ts';
import type { RunBody } from '../../src/contract/run.ts';

test('bytes survive every spelling, in a buffer of their own', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const buffer = Buffer.from(bytes);
      for (const spelling of [
        { hex: buffer.toString('hex') },
        { hex: buffer.toString('hex').toUpperCase() },
        { base64: buffer.toString('base64') },
      ]) {
        const decoded = decodeBytes(spelling);
        assert.ok('bytes' in decoded);
        assert.deepEqual([...decoded.bytes], [...bytes]);
        assert.equal(decoded.bytes.buffer.byteLength, bytes.length);
      }
    }),
  );
});

test('text is its UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const decoded = decodeBytes({ text });
      assert.ok('bytes' in decoded && Buffer.from(decoded.bytes).toString('utf8') === text);
    }),
  );
});

test('base64 that another spelling would also decode to is refused', () => {
  for (const base64 of ['A', 'AA', 'AA=', 'AB==', 'AAA=AAA=', 'AA==\n', ' AA==', 'AA-_', '====']) {
    assert.ok('fault' in decodeBytes({ base64 }), JSON.stringify(base64));
  }
});

const minimal: RunBody = { entry: 'e' };

test('assembly has the dialect that it names, else the first one', () => {
  const program = { name: 'e', type: 'raw', asm: 'exit' };
  const body: RunBody = { ...minimal, programs: [program, { ...program, dialect: 'ubpf' }] };
  const sources = decodeRun(body, limitsWith(), 0, 'test').programs.map(({ source }) => source);
  assert.deepEqual(sources, [
    { kind: 'asm', text: 'exit', dialect: 'llvm' },
    { kind: 'asm', text: 'exit', dialect: 'ubpf' },
  ]);
});

test('a stored program is named by its id alone', () => {
  const id = `sha256:${'0'.repeat(64)}`;
  const decode = (program: NonNullable<RunBody['programs']>[number]) =>
    decodeRun({ ...minimal, programs: [program] }, limitsWith(), 0, 'test').programs[0];
  assert.deepEqual(decode({ name: 'p', id })?.source, { kind: 'stored', id, form: null });
  const rows = [
    [{ type: 'xdp' }, '/programs/0/type'],
    [{ license: 'GPL' }, '/programs/0/license'],
    [{ attachType: null }, '/programs/0/attachType'],
    [{ flags: [] }, '/programs/0/flags'],
    [{ dialect: 'llvm' }, '/programs/0/dialect'],
    [{ asm: 'exit' }, '/programs/0'],
  ] as const;
  for (const [more, pointer] of rows) {
    assert.throws(
      () => decode({ name: 'p', id, ...(more as object) }),
      (error) => error instanceof ProblemError && error.problem.errors?.[0]?.pointer === pointer,
      pointer,
    );
  }
});

test('defaults of a run', () => {
  assert.deepEqual(decodeRun(minimal, limitsWith(), 0, 'test'), {
    tenant: 'test',
    object: null,
    programs: [],
    maps: [],
    entry: 'e',
    input: { packet: null, ctx: null },
    repeat: 1,
    verify: null,
    profile: 'linux-6.18',
    maxTailCalls: 33,
    budgets: {
      instructions: 1_000_000,
      tailCalls: null,
      wallMs: 1000,
      memoryBytes: 16_777_216,
      traceBytes: 16_777_216,
    },
    seed: '1',
    detail: 'chain',
    returns: { packet: true, ctx: false, maps: [] },
  });
});

test('every field of a run arrives', () => {
  const spec = decodeRun(
    {
      object: { elf: { hex: '7f45' } },
      programs: [
        {
          name: 'p',
          type: 'xdp',
          insns: { base64: 'AQI=' },
          license: 'MIT',
          attachType: 'xdp_devmap',
          flags: ['sleepable'],
          dialect: 'llvm',
        },
      ],
      maps: [
        {
          name: 'm',
          type: 'array',
          keySize: 4,
          valueSize: 8,
          maxEntries: 2,
          flags: ['rdonly_prog'],
          frozen: true,
          slots: { '1': 'p' },
          entries: [{ key: { hex: '01000000' }, value: { text: 'abcdefgh' } }],
          mapExtra: '0x0',
        },
      ],
      entry: 'p',
      input: { packet: { hex: 'ff' }, ctx: { ingressIfindex: 1, mark: '0xffffffffffffffff' } },
      repeat: 3,
      verify: 'off',
      profile: 'linux-6.18',
      maxTailCalls: 5,
      budgets: { instructions: 9, tailCalls: 4, wallMs: 7, memoryBytes: 4096, traceBytes: 0 },
      seed: '0x10',
      detail: 'summary',
      return: { packet: false, ctx: true, maps: ['m'] },
    },
    limitsWith(),
    0,
    'test',
  );
  assert.deepEqual([...spec.object!], [0x7f, 0x45]);
  assert.deepEqual(spec.programs, [
    {
      name: 'p',
      type: 'xdp',
      attachType: 'xdp_devmap',
      flags: ['sleepable'],
      license: 'MIT',
      source: { kind: 'insns', bytes: new Uint8Array([1, 2]) },
      pointer: '/programs/0',
    },
  ]);
  assert.deepEqual(spec.maps, [
    {
      name: 'm',
      type: 'array',
      keySize: 4,
      valueSize: 8,
      maxEntries: 2,
      flags: ['rdonly_prog'],
      frozen: true,
      slots: { '1': 'p' },
      entries: [{ key: new Uint8Array([1, 0, 0, 0]), value: new Uint8Array(Buffer.from('abcdefgh')) }],
      pointer: '/maps/0',
    },
  ]);
  assert.deepEqual(spec.input, {
    packet: new Uint8Array([255]),
    ctx: { ingressIfindex: 1, mark: '0xffffffffffffffff' },
  });
  assert.deepEqual(spec.budgets, { instructions: 9, tailCalls: 4, wallMs: 7, memoryBytes: 4096, traceBytes: 0 });
  assert.deepEqual(
    [spec.repeat, spec.verify, spec.maxTailCalls, spec.seed, spec.detail],
    [3, 'off', 5, '16', 'summary'],
  );
  assert.deepEqual(spec.returns, { packet: false, ctx: true, maps: ['m'] });
});

test('a context may be given as bytes; default budgets stay under low ceilings', () => {
  const spec = decodeRun({ ...minimal, input: { ctx: { hex: '0102' } } }, limitsWith({ maxWallMs: 10 }), 0, 'test');
  assert.deepEqual(spec.input.ctx, new Uint8Array([1, 2]));
  assert.equal(spec.budgets.wallMs, 10);
});

test('a token bucket gives its burst, then its rate', () => {
  const bucket = new TokenBucket(3, 2, 0);
  const taken = (now: number) => bucket.take(now);
  assert.deepEqual([taken(0), taken(0), taken(0), taken(0)], [true, true, true, false]);
  assert.deepEqual([taken(400), taken(500), taken(500)], [false, true, false]);
  assert.deepEqual([taken(60_000), taken(60_000), taken(60_000), taken(60_000)], [true, true, true, false]);
});
