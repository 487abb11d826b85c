/** Requests that cannot be read or do not fit together: each is a problem with a pointer. What Linux would refuse to load is a result. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limitsWith } from '../../src/contract/limits.ts';
import type { ProblemCode } from '../../src/contract/problem.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import { elfFile } from '../support/elf-file.ts';
import { bytesOf, problemOf, type RunDescription, resultOf, runSpec, stillServes } from '../support/engine-run.ts';
import { objectBytes } from '../support/fixtures.ts';

const OK = { p: 'r0 = 2\nexit' };
const EXIT_CODE = Buffer.from('b7000000020000009500000000000000', 'hex');
const map = (settings: NonNullable<RunDescription['maps']>[string], name = 'm'): RunDescription => ({
  programs: OK,
  maps: { [name]: settings },
});
/** A spec that no description writes. */
const changed = (description: RunDescription, changes: Partial<RunSpec>): RunSpec => ({
  ...runSpec(description),
  ...changes,
});
const insns = (hex: string): RunSpec => {
  const spec = runSpec({ programs: OK });
  return {
    ...spec,
    programs: spec.programs.map((one) => ({ ...one, source: { kind: 'insns', bytes: bytesOf(hex) } })),
  };
};

interface ProblemRow {
  readonly name: string;
  readonly run: RunDescription | RunSpec;
  readonly code: ProblemCode;
  readonly pointer: string;
  readonly detail: RegExp;
  readonly errno?: string;
  readonly limit?: string;
  readonly limits?: Parameters<typeof limitsWith>[0];
}

const PROBLEMS: readonly ProblemRow[] = [
  { name: 'no ELF', run: { object: bytesOf('00'), entry: 'x' }, code: 'bad_elf', pointer: '/object/elf', detail: /./ },
  {
    name: 'a cut ELF',
    run: { object: objectBytes('one-program.o').subarray(0, 300), entry: 'pass' },
    code: 'bad_elf',
    pointer: '/object/elf',
    detail: /./,
  },
  {
    name: 'a big-endian ELF',
    run: { object: objectBytes('one-program.big-endian.o'), entry: 'pass' },
    code: 'bad_elf',
    pointer: '/object/elf',
    detail: /big-endian/,
  },
  {
    name: 'no BTF in .BTF',
    run: { object: elfFile(EXIT_CODE, { sections: { '.BTF': Buffer.from('this is no BTF') } }), entry: 'x' },
    code: 'bad_btf',
    pointer: '/object/elf',
    detail: /./,
  },
  {
    name: 'a map type of the object that is not implemented',
    run: { object: objectBytes('refused-map-type.o'), entry: 'entry' },
    code: 'not_implemented',
    pointer: '/object/elf',
    detail: /ringbuf/,
  },
  {
    name: 'assembly',
    run: { programs: { p: 'r0 = 2\nr0 = = 1\nexit' } },
    code: 'bad_assembly',
    pointer: '/programs/0/asm',
    detail: /^line 2, column \d+: /,
  },
  {
    name: 'assembly of the second program',
    run: { programs: { ...OK, q: 'jmp 5' } },
    code: 'bad_assembly',
    pointer: '/programs/1/asm',
    detail: /^line 1, /,
  },
  {
    name: 'assembly names no map',
    run: { programs: { p: 'r1 = nothing ll\nexit' } },
    code: 'bad_assembly',
    pointer: '/programs/0/asm',
    detail: /nothing/,
  },
  {
    name: 'assembly names no helper',
    run: { programs: { p: 'call bpf_nothing\nexit' } },
    code: 'bad_assembly',
    pointer: '/programs/0/asm',
    detail: /nothing/,
  },
  {
    name: 'instructions of 9 bytes',
    run: insns('950000000000000000'),
    code: 'bad_instructions',
    pointer: '/programs/0/insns',
    detail: /./,
  },
  {
    name: 'half an lddw',
    run: insns('1801000000000000'),
    code: 'bad_instructions',
    pointer: '/programs/0/insns',
    detail: /./,
  },
  {
    name: 'no such entry',
    run: { programs: OK, entry: 'q' },
    code: 'bad_reference',
    pointer: '/entry',
    detail: /no program 'q'; there are: p$/,
  },
  {
    name: 'no program at all',
    run: { entry: 'q' },
    code: 'bad_reference',
    pointer: '/entry',
    detail: /there are: none$/,
  },
  {
    name: 'two programs of a name',
    run: changed({ programs: OK }, { programs: [0, 1].map(() => runSpec({ programs: OK }).programs[0]!) }),
    code: 'bad_reference',
    pointer: '/programs/0/name',
    detail: /two programs named 'p'/,
  },
  {
    name: 'a slot that names no program',
    run: map({ slots: { 0: 'q' } }),
    code: 'bad_reference',
    pointer: '/maps/0/slots/0',
    detail: /slot 0 of 'm' names program 'q'/,
  },
  {
    name: 'a returned map that is not there',
    run: { programs: OK, returnMaps: ['m'] },
    code: 'bad_reference',
    pointer: '/return/maps/0',
    detail: /no map 'm'/,
  },
  {
    name: 'settings of a map that no object has',
    run: map({ type: null }),
    code: 'bad_reference',
    pointer: '/maps/0/name',
    detail: /no object holds a map named 'm'/,
  },
  {
    name: 'two maps of a name',
    run: changed(map({}), {
      maps: [0, 1].map((index) => ({ ...runSpec(map({})).maps[0]!, pointer: `/maps/${index}` })),
    }),
    code: 'bad_map',
    pointer: '/maps/1/name',
    detail: /two entries/,
  },
  {
    name: 'no maxEntries',
    run: map({ type: 'array', maxEntries: null }),
    code: 'bad_map',
    pointer: '/maps/0/maxEntries',
    detail: /missing/,
  },
  {
    name: 'no valueSize',
    run: map({ type: 'array', valueSize: null }),
    code: 'bad_map',
    pointer: '/maps/0/valueSize',
    detail: /array is missing/,
  },
  {
    name: 'no keySize of a hash',
    run: map({ type: 'hash', keySize: null }),
    code: 'bad_map',
    pointer: '/maps/0/keySize',
    detail: /hash is missing/,
  },
  {
    name: 'no such flag',
    run: map({ flags: ['rdonly', 'quick'] }),
    code: 'bad_map',
    pointer: '/maps/0/flags/1',
    detail: /'quick' is no map flag/,
  },
  {
    name: 'a key of another size',
    run: map({
      entries: [
        ['00000000', '00'.repeat(8)],
        ['00', '00'.repeat(8)],
      ],
    }),
    code: 'bad_map',
    pointer: '/maps/0/entries/1/key',
    detail: /the key has 1 bytes, keySize is 4/,
  },
  {
    name: 'a value of another size',
    run: map({ entries: [['00000000', '00']] }),
    code: 'bad_map',
    pointer: '/maps/0/entries/0/value',
    detail: /the value has 1 bytes, valueSize is 8/,
  },
  {
    name: 'an element past the end of an array',
    run: map({
      entries: [
        ['00000000', '00'.repeat(8)],
        ['09000000', '00'.repeat(8)],
      ],
    }),
    code: 'bad_map',
    pointer: '/maps/0/entries/1',
    detail: /does not take entry 1: E2BIG/,
    errno: 'E2BIG',
  },
  {
    name: 'more elements than a hash takes',
    run: map({
      type: 'hash',
      entries: [
        ['01000000', '00'.repeat(8)],
        ['02000000', '00'.repeat(8)],
      ],
    }),
    code: 'bad_map',
    pointer: '/maps/0/entries/1',
    detail: /E2BIG/,
    errno: 'E2BIG',
  },
  {
    name: 'entries of a prog array',
    run: map({ type: 'prog_array', entries: [['00000000', '00000000']] }),
    code: 'bad_map',
    pointer: '/maps/0/entries/0',
    detail: /takes slots/,
  },
  {
    name: 'slots of an array',
    run: map({ type: 'array', slots: { 0: 'p' } }),
    code: 'bad_map',
    pointer: '/maps/0/slots/0',
    detail: /array has no slots/,
  },
  {
    name: 'a slot past the end',
    run: map({ slots: { 4: 'p' }, maxEntries: 4 }),
    code: 'bad_map',
    pointer: '/maps/0/slots/4',
    detail: /slot 4 is past the end: 'm' has maxEntries 4/,
    errno: 'E2BIG',
  },
  {
    name: "other sizes than the object's",
    run: { object: objectBytes('parser-chain.o'), entry: 'entry', maps: { ports: { type: null, keySize: 4 } } },
    code: 'bad_map',
    pointer: '/maps/0/keySize',
    detail: /keySize 2, not 4/,
  },
  {
    name: 'a packet that is too short',
    run: { programs: OK, packet: new Uint8Array(13) },
    code: 'bad_input',
    pointer: '/input/packet',
    detail: /at least 14 bytes/,
    errno: 'EINVAL',
  },
  {
    name: 'a packet where none is taken',
    run: { programs: OK, type: 'raw_tracepoint', packet: new Uint8Array(1) },
    code: 'bad_input',
    pointer: '/input/packet',
    detail: /takes no packet/,
    errno: 'EINVAL',
  },
  {
    name: 'a context field that is not there',
    run: { programs: OK, ctx: { mark: 1 } },
    code: 'bad_input',
    pointer: '/input/ctx/mark',
    detail: /no field mark/,
    errno: 'EINVAL',
  },
  {
    name: 'a context field that cannot be set',
    run: { programs: OK, type: 'sched_cls', ctx: { len: 1 } },
    code: 'bad_input',
    pointer: '/input/ctx/len',
    detail: /cannot be set/,
    errno: 'EINVAL',
  },
  {
    name: 'repeat of a raw_tracepoint',
    run: { programs: OK, type: 'raw_tracepoint', packet: null, repeat: 2 },
    code: 'bad_input',
    pointer: '/repeat',
    detail: /repeat must be 1/,
    errno: 'EINVAL',
  },
  {
    name: 'repeat',
    run: { programs: OK, repeat: 1_000_001 },
    code: 'limit_exceeded',
    pointer: '/repeat',
    detail: /1000001/,
    limit: 'maxRepeat',
  },
  {
    name: 'programs',
    run: { programs: { ...OK, q: 'exit', r: 'exit' } },
    code: 'limit_exceeded',
    pointer: '/programs',
    detail: /has 3 programs, maxPrograms is 2/,
    limit: 'maxPrograms',
    limits: { maxPrograms: 2 },
  },
  {
    name: 'maps',
    run: { programs: OK, maps: { a: {}, b: {} } },
    code: 'limit_exceeded',
    pointer: '/maps',
    detail: /has 2 maps, maxMaps is 1/,
    limit: 'maxMaps',
    limits: { maxMaps: 1 },
  },
  {
    name: 'instructions of a program',
    run: { programs: { p: 'r0 = 0\nr1 = 0\nexit' } },
    code: 'limit_exceeded',
    pointer: '/programs/0',
    detail: /has 3 instruction slots/,
    limit: 'maxInstructionsPerProgram',
    limits: { maxInstructionsPerProgram: 2 },
  },
  {
    name: 'instructions of a function',
    run: { programs: { p: `${'r0 = 0\n'.repeat(10_000)}exit` } },
    code: 'limit_exceeded',
    pointer: '',
    detail: /has 10001 instructions, maxInstructionsPerFunction is 10000/,
    limit: 'maxInstructionsPerFunction',
  },
  {
    name: 'returned maps',
    run: { programs: OK, maps: { m: { maxEntries: 2_000_000 } } },
    code: 'limit_exceeded',
    pointer: '/return/maps/0',
    detail: /may hold 24000000 bytes, maxReturnedMapBytes is 16777216/,
    limit: 'maxReturnedMapBytes',
  },
  {
    name: 'a program type of Linux',
    run: { programs: OK, type: 'kprobe' },
    code: 'not_implemented',
    pointer: '/programs/0/type',
    detail: /kprobe/,
  },
  {
    name: 'no program type',
    run: { programs: OK, type: 'toString' },
    code: 'schema_violation',
    pointer: '/programs/0/type',
    detail: /'toString' is no program type/,
  },
  {
    name: 'a map type of Linux',
    run: map({ type: 'ringbuf' }),
    code: 'not_implemented',
    pointer: '/maps/0/type',
    detail: /ringbuf/,
  },
  {
    name: 'no map type',
    run: map({ type: 'valueOf' }),
    code: 'schema_violation',
    pointer: '/maps/0/type',
    detail: /'valueOf' is no map type/,
  },
  {
    name: 'a helper of Linux',
    run: { programs: { p: 'call bpf_redirect\nexit' } },
    code: 'not_implemented',
    pointer: '',
    detail: /bpf_redirect/,
  },
];

function isSpec(run: RunDescription | RunSpec): run is RunSpec {
  return 'profile' in run;
}

describe('problems', () => {
  for (const { name, run, code, pointer, detail, errno, limit, limits } of PROBLEMS) {
    test(`${code}: ${name}`, () => {
      const problem = problemOf(isSpec(run) ? run : runSpec(run), { limits: limitsWith(limits) });
      assert.equal(problem.code, code, problem.detail);
      assert.deepEqual(problem.errors, [{ pointer, detail: problem.detail }]);
      assert.match(problem.detail, detail);
      assert.equal(problem.errno, errno);
      assert.equal(problem.limit, limit);
      stillServes();
    });
  }
});

interface RejectionRow {
  readonly name: string;
  readonly run: RunDescription;
  readonly code: 'rejected_load' | 'rejected_verifier';
  readonly rule: string;
  readonly errno: string;
  readonly program: string | null;
  readonly pc: number | null;
  readonly message: RegExp;
}

const SELF = 'r6 = r1\nr1 = r6\nr2 = c ll\nr3 = 0\ncall bpf_tail_call\nr0 = 2\nexit';
const REJECTIONS: readonly RejectionRow[] = [
  {
    name: 'a map of no elements',
    run: map({ maxEntries: 0 }),
    code: 'rejected_load',
    rule: 'map_create',
    errno: 'EINVAL',
    program: null,
    pc: null,
    message: /'m': array: max_entries/,
  },
  {
    name: 'a prog array with values of 8 bytes',
    run: map({ type: 'prog_array', valueSize: 8 }),
    code: 'rejected_load',
    rule: 'map_create',
    errno: 'EINVAL',
    program: null,
    pc: null,
    message: /value_size must be 4/,
  },
  {
    name: 'a flag that the map type does not take',
    run: map({ flags: ['no_prealloc'] }),
    code: 'rejected_load',
    rule: 'map_create',
    errno: 'EINVAL',
    program: null,
    pc: null,
    message: /map_flags 0x1/,
  },
  {
    name: 'a hash with huge values',
    run: map({ type: 'hash', valueSize: 5_000_000 }),
    code: 'rejected_load',
    rule: 'map_create',
    errno: 'E2BIG',
    program: null,
    pc: null,
    message: /value_size must be below/,
  },
  {
    name: 'a slot with a program of another type',
    run: { programs: { p: SELF, q: 'r0 = 0\nexit' }, types: { q: 'sched_cls' }, maps: { c: { slots: { 0: 'q' } } } },
    code: 'rejected_load',
    rule: 'prog_array_owner',
    errno: 'EINVAL',
    program: 'q',
    pc: null,
    message: /slot 0 of prog_array 'c' takes program 'q', but the array belongs to type xdp/,
  },
  {
    name: 'a second owner of another type',
    run: { programs: { p: SELF, q: SELF }, types: { q: 'socket_filter' }, maps: { c: { type: 'prog_array' } } },
    code: 'rejected_load',
    rule: 'prog_array_owner',
    errno: 'EINVAL',
    program: 'q',
    pc: null,
    message: /program 'q' refers to prog_array 'c'/,
  },
  {
    name: 'an object that libbpf refuses',
    run: { object: objectBytes('refused-undefined.o'), entry: 'entry' },
    code: 'rejected_load',
    rule: 'object',
    errno: 'ENOENT',
    program: null,
    pc: null,
    message: /./,
  },
  {
    name: 'unreachable code',
    run: { programs: { p: 'r0 = 0\nexit\nr0 = 1\nexit' } },
    code: 'rejected_verifier',
    rule: 'unreachable',
    errno: 'EINVAL',
    program: 'p',
    pc: 2,
    message: /^unreachable insn 2$/,
  },
];

describe('what Linux would not load', () => {
  for (const { name, run, code, rule, errno, program, pc, message } of REJECTIONS) {
    test(`${code}: ${name}`, () => {
      const { outcome, rejection, counters, chain, last, returnValue } = resultOf(run);
      assert.deepEqual(outcome, { kind: 'rejected', code }, JSON.stringify(rejection));
      assert.match(rejection?.message ?? '', message);
      assert.deepEqual(
        { rule: rejection?.rule, errno: rejection?.errno, program: rejection?.program, pc: rejection?.pc },
        { rule, errno, program, pc },
      );
      assert.deepEqual([counters.instructions, counters.programs, chain, last, returnValue], ['0', 0, [], null, null]);
      stillServes();
    });
  }
});
