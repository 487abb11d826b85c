import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  checkContextReach,
  contextOutput,
  packetOutput,
  type RunStart,
  readContextInput,
} from '../../src/spec/context-input.ts';
import { CONTEXTS } from '../../src/spec/contexts.ts';
import { helperAvailable } from '../../src/spec/helper-types.ts';
import { HELPERS } from '../../src/spec/helpers.ts';
import type { ImplementedProgramType } from '../../src/spec/programs.ts';
import { verifyStructure } from '../../src/verifier/verify.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel } from '../support/kernel/kernel.ts';
import { runOnKernel } from '../support/kernel/run.ts';
import { EXIT, helper, join, program, R0, slot } from '../verifier/build.ts';
import { frame, INPUT_ROWS, type InputRow } from './context-rows.ts';

function start(type: ImplementedProgramType, ctx: InputRow['ctx'], packet: Uint8Array | null): RunStart {
  const result = readContextInput(type, ctx, packet);
  assert.ok(result.ok, result.ok ? '' : result.refusal.message);
  return result.start;
}

for (const { name, type, ctx, packet, refused } of INPUT_ROWS) {
  test(`input of ${name}`, () => {
    const result = readContextInput(type, ctx, packet);
    const { field, errno } = result.ok ? {} : result.refusal;
    assert.deepEqual(result.ok ? null : { field, errno }, refused);
  });
}

test('values that no field can have are refused with the field', () => {
  for (const value of [-1, 1.5, 2 ** 32, '', '0x', '12a', '4294967296', '99999999999999999999999']) {
    const result = readContextInput('sched_cls', { mark: value }, frame(64));
    assert.ok(!result.ok);
    assert.deepEqual([result.refusal.field, result.refusal.errno], ['mark', 'EINVAL']);
  }
  const unknown = readContextInput('sched_cls', { marke: 1 }, frame(64));
  assert.ok(!unknown.ok);
  assert.equal(unknown.refusal.field, 'marke');
});

test('raw takes any bytes and no context', () => {
  assert.deepEqual(start('raw', null, null), {
    context: new Uint8Array(0),
    given: new Uint8Array(0),
    givenBytes: 0,
    packetMeta: 0,
    packetStart: 0,
    packetEnd: 0,
  });
  const refused = readContextInput('raw', {}, null);
  assert.ok(!refused.ok);
  assert.equal(refused.refusal.field, 'ctx');
});

test('where the packet begins', () => {
  const rows = [
    ['xdp', {}, 0, 0],
    ['xdp', { data: 8 }, 0, 8],
    ['sched_cls', null, 0, 0],
    ['socket_filter', null, 14, 14],
  ] as const;
  for (const [type, ctx, packetMeta, packetStart] of rows) {
    const found = start(type, ctx, frame(64));
    assert.deepEqual([found.packetMeta, found.packetStart, found.packetEnd], [packetMeta, packetStart, 64], type);
  }
});

test('what comes out in place of the Ethernet header', () => {
  const packet = frame(64);
  const before = packet.slice();
  const zeroed = Uint8Array.from(packet, (byte, index) => (index < 14 ? 0 : byte));
  const rows = [
    ['xdp', before],
    ['sched_cls', before],
    ['raw', before],
    ['socket_filter', zeroed],
  ] as const;
  for (const [type, expected] of rows) assert.deepEqual(packetOutput(type, packet), expected, type);
  assert.deepEqual(packet, before);
});

test('any field value either is taken, and then stands in the context, or is refused by name', () => {
  const fields = CONTEXTS.sched_cls!.fields;
  fc.assert(
    fc.property(fc.constantFrom(...fields), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (field, value) => {
      const result = readContextInput('sched_cls', { [field.name]: `${value}` }, frame(64));
      if (result.ok) {
        if (field.input.kind !== 'any' || field.name === 'gsoSize') return;
        const bytes = result.start.context.subarray(field.offset, field.offset + field.size);
        assert.equal(BigInt(`0x${Buffer.from(bytes.toReversed()).toString('hex')}`), value);
      } else assert.equal(result.refusal.field, field.name);
    }),
  );
});

/** ctx_in as the kernel wants it: bytes. */
function inputBytes(row: InputRow): Uint8Array | null {
  if (row.ctx === null || row.ctx instanceof Uint8Array) return row.ctx;
  const layout = CONTEXTS[row.type]!;
  const bytes = new Uint8Array(layout.size);
  const view = new DataView(bytes.buffer);
  if (row.type === 'xdp') view.setUint32(4, row.packet!.length, true);
  for (const [name, value] of Object.entries(row.ctx)) {
    const field = layout.fields.find((candidate) => candidate.name === name)!;
    if (field.size === 8) view.setBigUint64(field.offset, BigInt(value), true);
    else if (field.size === 4) view.setUint32(field.offset, Number(value), true);
    else view.setUint8(field.offset, Number(value));
  }
  return bytes;
}

const LOADS: Readonly<Record<number, number>> = { 1: 0x71, 2: 0x69, 4: 0x61, 8: 0x79 };
const STORES: Readonly<Record<number, number>> = { 1: 0x73, 2: 0x6b, 4: 0x63, 8: 0x7b };

describe('contexts on the running kernel', { skip: kernelAvailable() ?? false }, () => {
  const kernel = new Kernel();
  after(() => kernel.close());
  const run = (
    type: ImplementedProgramType,
    parts: Uint8Array[],
    row: Pick<InputRow, 'packet'>,
    ctx: Uint8Array | null,
  ) =>
    runOnKernel(kernel, {
      programs: [program(join(parts), { type, name: 'entry' })],
      maps: [],
      entry: 'entry',
      packet: row.packet,
      ctx,
    });

  for (const row of INPUT_ROWS) {
    test(row.name, () => {
      const said = run(row.type, [R0, EXIT], row, inputBytes(row));
      if (row.onlyHere) return assert.equal(said.errno, null);
      // Only where the program reads them does a raw tracepoint ask for its arguments; ctx_out may be cut off.
      assert.equal(said.errno === 'ENOSPC' ? null : said.errno, row.refused?.errno ?? null);
    });

    if (row.refused !== null) continue;
    test(`what the program reads: ${row.name}`, () => {
      const { context } = start(row.type, row.ctx, row.packet);
      const view = new DataView(context.buffer);
      for (const field of CONTEXTS[row.type]!.fields) {
        if (field.role !== 'scalar' || !field.reads.includes(field.size)) continue;
        for (const shift of field.size === 8 ? [0, 32] : [0]) {
          const said = run(
            row.type,
            [slot(LOADS[field.size]!, 0, 1, field.offset), slot(0x77, 0, 0, 0, shift), EXIT],
            row,
            inputBytes(row),
          );
          if (row.type === 'raw_tracepoint' && row.ctx === null) {
            assert.equal(said.errno, 'EINVAL');
            continue;
          }
          const expected =
            field.size === 1 ? view.getUint8(field.offset) : view.getUint32(field.offset + shift / 8, true);
          assert.equal(said.retval, expected, field.name);
        }
      }
    });

    test(`ctx_out: ${row.name}`, () => {
      const bytes = inputBytes(row);
      const from = start(row.type, row.ctx, row.packet);
      const ours = contextOutput(row.type, from, from.context);
      const said = run(row.type, [R0, EXIT], row, bytes);
      if (bytes !== null && said.ctx !== null && said.errno === null) {
        assert.deepEqual(said.ctx.subarray(0, from.given.length), ours?.subarray(0, said.ctx.length));
      }
    });

    if (row.packet === null) continue;
    const { packet } = row;
    test(`data_out: ${row.name}`, () => {
      assert.deepEqual(run(row.type, [R0, EXIT], row, null).packet, packetOutput(row.type, packet));
    });
  }

  test('a raw tracepoint gives as many arguments as the program reads', () => {
    for (const given of [0, 8, 15, 16, 96]) {
      const ctx = given === 0 ? null : new Uint8Array(given);
      for (const reads of [0, 8, 16]) {
        const parts = [...(reads === 0 ? [] : [slot(0x79, 2, 1, reads - 8)]), R0, EXIT];
        const { contextBytes } = verifyStructure(program(join(parts), { type: 'raw_tracepoint' }), []);
        assert.equal(contextBytes, reads);
        const refusal = checkContextReach('raw_tracepoint', start('raw_tracepoint', ctx, null), contextBytes);
        assert.equal(
          run('raw_tracepoint', parts, { packet: null }, ctx).errno,
          refusal?.errno ?? null,
          `${given} ${reads}`,
        );
      }
    }
  });

  for (const type of ['xdp', 'sched_cls', 'socket_filter', 'raw_tracepoint'] as const) {
    test(`loads and stores that Linux allows in the context of ${type}`, () => {
      const layout = CONTEXTS[type]!;
      for (const size of [1, 2, 4, 8] as const) {
        for (let offset = 0; offset < layout.size; offset += size) {
          const field = layout.fields.find((row) => offset >= row.offset && offset < row.offset + row.size);
          const allowed = (sizes: readonly number[] | undefined) => sizes?.includes(size) === true;
          const load = [slot(LOADS[size]!, 0, 1, offset), R0, EXIT];
          const store = [slot(0xb7, 2), slot(STORES[size]!, 1, 2, offset), R0, EXIT];
          for (const [parts, expected] of [
            [load, allowed(field?.reads)],
            [store, allowed(field?.writes)],
          ] as const) {
            const said = runOnKernel(kernel, { programs: [program(join(parts), { type })], maps: [], entry: null });
            assert.equal(
              said.stage === 'done',
              expected,
              `${parts === load ? 'load' : 'store'} ${offset} ${size} ${said.message}`,
            );
          }
        }
      }
    });

    test(`helpers that ${type} may call, and their licenses`, () => {
      for (const { id, gplOnly } of HELPERS) {
        for (const license of ['GPL', 'MIT']) {
          const said = runOnKernel(kernel, {
            programs: [program(join([helper(id), R0, EXIT]), { type, license })],
            maps: [],
            entry: null,
          });
          const message = said.message ?? '';
          assert.equal(
            !message.startsWith('program of this type cannot use'),
            helperAvailable(type, id),
            `${id} ${message}`,
          );
          if (helperAvailable(type, id)) {
            assert.equal(
              message.startsWith('cannot call GPL-restricted'),
              gplOnly && license === 'MIT',
              `${id} ${message}`,
            );
          }
        }
      }
    });
  }
});
