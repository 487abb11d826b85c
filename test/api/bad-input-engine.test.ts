/** Bad input that only the worker can tell: what cannot be read is 4xx, what Linux would refuse is a result. Never 500, never a new series. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutcomeCode } from '../../src/contract/outcome.ts';
import { PROBLEMS, type ProblemCode } from '../../src/contract/problem.ts';
import type { RunBody } from '../../src/contract/run.ts';
import { elfFile } from '../support/elf-file.ts';
import { build } from '../support/service.ts';

interface Row {
  readonly name: string;
  readonly body: RunBody;
  readonly problem?: ProblemCode;
  /** In the problem's text. */
  readonly says?: RegExp;
  readonly outcome?: OutcomeCode;
  readonly errno?: string;
}

const EXIT_CODE = Buffer.from('b7000000020000009500000000000000', 'hex');
const input = { packet: { hex: '00'.repeat(64) } };
const object = (bytes: Buffer): RunBody => ({
  object: { elf: { base64: bytes.toString('base64') } },
  entry: 'entry',
  input,
});
const elf = elfFile(EXIT_CODE);

function changed(offset: number, ...bytes: number[]): Buffer {
  const copy = Buffer.from(elf);
  copy.set(bytes, offset);
  return copy;
}

const CALL = 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit';
const asm = (text: string, changes: Partial<RunBody> = {}): RunBody => ({
  programs: [{ name: 'p', type: 'xdp', asm: text }],
  entry: 'p',
  input,
  ...changes,
});
const slots = (table: Record<string, string>): Partial<RunBody> => ({
  maps: [{ name: 'chain', type: 'prog_array', maxEntries: 2, slots: table }],
});

const ROWS: readonly Row[] = [
  { name: 'an empty object', body: object(Buffer.alloc(0)), problem: 'bad_elf' },
  { name: 'a truncated object', body: object(elf.subarray(0, 100)), problem: 'bad_elf' },
  { name: 'half an object', body: object(elf.subarray(0, elf.length >> 1)), problem: 'bad_elf' },
  {
    name: 'a big-endian object',
    body: object(elfFile(EXIT_CODE, { bigEndian: true })),
    problem: 'bad_elf',
    says: /endian/i,
  },
  {
    name: 'an object for another machine',
    body: object(elfFile(EXIT_CODE, { machine: 62 })),
    problem: 'bad_elf',
    says: /62|machine/i,
  },
  {
    name: 'a section table outside the file',
    body: object(changed(40, 0xff, 0xff, 0xff, 0x7f)),
    problem: 'bad_elf',
    says: /section/i,
  },
  { name: 'no such section count', body: object(changed(60, 0xff, 0xff)), problem: 'bad_elf' },
  {
    name: 'BTF that is none',
    body: object(elfFile(EXIT_CODE, { sections: { '.BTF': Buffer.from('none') } })),
    problem: 'bad_btf',
  },
  {
    name: 'an entry that the object does not hold',
    body: { ...object(elf), entry: 'other' },
    problem: 'bad_reference',
    says: /other/,
  },
  { name: 'an assembly error', body: asm('r0 = 0\nr1 = = 2\nexit'), problem: 'bad_assembly', says: /2/ },
  {
    name: 'an unknown helper name',
    body: asm('call no_such_helper\nexit'),
    problem: 'bad_assembly',
    says: /no_such_helper/,
  },
  { name: 'an unknown map name', body: asm('r2 = nothing ll\nr0 = 0\nexit'), problem: 'bad_assembly', says: /nothing/ },
  {
    name: 'instructions of 12 bytes',
    body: { programs: [{ name: 'p', type: 'xdp', insns: { hex: '95'.repeat(12) } }], entry: 'p', input },
    problem: 'bad_instructions',
  },
  {
    name: 'a slot naming a missing program',
    body: asm(CALL, slots({ '0': 'missing' })),
    problem: 'bad_reference',
    says: /missing/,
  },
  { name: 'a slot past the end', body: asm(CALL, slots({ '2': 'p' })), says: /2/, problem: 'bad_map' },
  {
    name: 'an unknown map type',
    body: asm('r0 = 0\nexit', { maps: [{ name: 'm', type: 'no_such_type', maxEntries: 1 }] }),
    says: /no_such_type/,
    problem: 'schema_violation',
  },
  {
    name: 'two programs of one name',
    body: {
      ...asm('r0 = 0\nexit'),
      programs: [
        { name: 'p', type: 'xdp', asm: 'exit' },
        { name: 'p', type: 'xdp', asm: 'exit' },
      ],
    },
    says: /p/,
    problem: 'bad_reference',
  },
  {
    name: 'a packet shorter than its header',
    body: asm('r0 = 0\nexit', { input: { packet: { hex: '00' } } }),
    problem: 'bad_input',
  },
  {
    name: 'a context field that is none',
    body: asm('r0 = 0\nexit', { input: { ...input, ctx: { noSuchField: 1 } } }),
    problem: 'bad_input',
    says: /noSuchField/,
  },
  {
    name: 'an unknown opcode',
    body: { programs: [{ name: 'p', type: 'xdp', insns: { hex: 'ff00000000000000' } }], entry: 'p', input },
    outcome: 'rejected_verifier',
    errno: 'EINVAL',
  },
  {
    name: 'an unknown helper number',
    body: asm('call 9999\nr0 = 0\nexit', { verify: 'off' }),
    outcome: 'rejected_verifier',
    errno: 'EINVAL',
  },
  {
    name: 'a program of another type in the prog array',
    body: {
      programs: [
        { name: 'p', type: 'xdp', asm: CALL },
        { name: 'other', type: 'sched_cls', asm: 'r0 = 0\nexit' },
      ],
      ...slots({ '0': 'other' }),
      entry: 'p',
      input,
    },
    outcome: 'rejected_load',
    errno: 'EINVAL',
  },
];

test('what the worker cannot read, and what Linux would refuse, has its documented answer', async (t) => {
  const service = await build(t, { worker: null });
  const series = async (): Promise<number> =>
    (await service.admin.inject('/metrics')).body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      .length;
  const before = await series();
  for (const row of ROWS) {
    await t.test(row.name, async () => {
      const { status, body } = await service.post(row.body);
      const told = JSON.stringify(body).slice(0, 500);
      if (row.problem === undefined) {
        assert.equal(status, 200, told);
        assert.equal(body.outcome.code, row.outcome, told);
        assert.equal(body.rejection?.errno, row.errno);
        return;
      }
      assert.equal(body.code, row.problem, told);
      assert.equal(status, PROBLEMS[row.problem].status);
      if (row.says !== undefined) assert.match(body.detail, row.says);
    });
  }
  await t.test('the thread lives on, and no series was made', async () => {
    const { body } = await service.post(object(elf));
    assert.equal(body.outcome?.code, 'exit', JSON.stringify(body).slice(0, 500));
    assert.equal(await series(), before);
    assert.match((await service.admin.inject('/metrics')).body, /waggle_pool_recycles_total\{reason="internal"\} 0/);
  });
});

test('the metrics of a chain: depth 33 in its own bucket, tail calls by result', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post(asm(CALL, slots({ '0': 'p' })));
  assert.deepEqual([body.outcome.code, body.counters.tailCalls, body.counters.tailCallMisses.limit], ['exit', 33, 1]);
  const lines = (await service.admin.inject('/metrics')).body.split('\n');
  for (const line of [
    'waggle_chain_depth_bucket{le="32"} 0',
    'waggle_chain_depth_bucket{le="33"} 1',
    'waggle_tail_calls_total{result="taken"} 33',
    'waggle_tail_calls_total{result="limit"} 1',
    'waggle_runs_total{outcome="exit",mode="request"} 1',
    'waggle_pool_threads 1',
    'waggle_pool_busy_threads 0',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});
