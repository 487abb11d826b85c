import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { progArrayCompatible, progArrayOwner } from '../../src/spec/prog-array-owner.ts';
import { verifyStructure } from '../../src/verifier/verify.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel } from '../support/kernel/kernel.ts';
import { runOnKernel } from '../support/kernel/run.ts';
import { call, EXIT, helper, join, loadMap, map, program, R0, slot, staticFunctions, TAIL_CALL } from './build.ts';

const MAPS = [map('prog_array'), map('array'), map('hash')];

/** Instructions that are near to what a compiler writes, and some that are not. */
const register = fc.nat({ max: 10 });
const distance = fc.integer({ min: -6, max: 6 });
const part: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.constant(EXIT),
  fc.constant(R0),
  fc.tuple(register, fc.integer({ min: -2, max: 2 })).map(([dst, imm]) => slot(0xb7, dst, 0, 0, imm)),
  fc.tuple(register, register).map(([dst, src]) => slot(0xbf, dst, src)),
  fc.tuple(register, fc.constantFrom(-8, -264, -520, 8)).map(([dst, imm]) => slot(0x07, dst, 0, 0, imm)),
  fc
    .tuple(fc.constantFrom(0x15, 0x55, 0x25, 0xd6, 0x66), register, distance, fc.integer({ min: -1, max: 1 }))
    .map(([opcode, dst, offset, imm]) => slot(opcode, dst, 0, offset, imm)),
  fc
    .tuple(fc.constantFrom(0x1d, 0x2d, 0x4e), register, register, distance)
    .map(([opcode, dst, src, offset]) => slot(opcode, dst, src, offset)),
  distance.map((offset) => slot(0x05, 0, 0, offset)),
  distance.map((imm) => call(imm)),
  fc.constantFrom(1, 2, 5, 7, 9, 14, 1000).map((id) => helper(id)),
  fc.nat({ max: 2 }).map((index) => join([loadMap(2, index), slot(0xb7, 3), TAIL_CALL])),
  fc.tuple(register, fc.constantFrom(-8, -16, -256, -512, -520, 0)).map(([src, offset]) => slot(0x7b, 10, src, offset)),
  fc.tuple(register, fc.constantFrom(-8, -12, -512)).map(([dst, offset]) => slot(0x79, dst, 10, offset)),
  fc.tuple(fc.nat({ max: 255 }), register, register).map(([opcode, dst, src]) => slot(opcode, dst, src)),
  fc.constantFrom(0x37, 0x67, 0x94, 0xc7).map((opcode) => slot(opcode, 0, 0, 0, 0)),
);
const programs = fc.array(part, { minLength: 1, maxLength: 14 }).map((parts) => join([...parts, R0, EXIT]));

const unavailable = kernelAvailable();

describe('the verifier and the running kernel', { skip: unavailable ?? false }, () => {
  const kernel = new Kernel();
  after(() => kernel.close());

  test('nothing that Linux accepts is refused, except by the name of a missing feature', () => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(programs, fc.constantFrom('xdp', 'sched_cls', 'raw_tracepoint'), (code, type) => {
        const checked = program(code, { type });
        const { rejection } = verifyStructure(checked, MAPS);
        const said = runOnKernel(kernel, { programs: [checked], maps: MAPS, entry: null });
        if (said.stage === 'done') accepted++;
        else refused++;
        if (rejection === null || rejection.unsupported !== null) return;
        assert.equal(said.stage, 'program', `${rejection.message}\n${said.log}`);
      }),
      { numRuns: 3000 },
    );
    assert.ok(accepted > 50 && refused > 50, `${accepted} accepted, ${refused} refused`);
  });

  test('what Linux refuses before it walks the program is refused with the same text', () => {
    fc.assert(
      fc.property(programs, (code) => {
        const checked = program(code);
        const said = runOnKernel(kernel, { programs: [checked], maps: MAPS, entry: null });
        const { rejection } = verifyStructure(checked, MAPS);
        if (said.stage !== 'program' || !said.log.includes('processed 0 insns')) return;
        if (rejection?.unsupported != null) return;
        assert.equal(rejection?.message, said.message, said.log);
        assert.equal(rejection?.errno, said.errno);
      }),
      { numRuns: 2000 },
    );
  });

  test('the same opcodes are unknown', () => {
    const different: number[] = [];
    for (let opcode = 0; opcode < 256; opcode++) {
      const checked = program(join([R0, slot(opcode), opcode === 0x18 ? slot(0) : R0, EXIT]));
      const said = runOnKernel(kernel, { programs: [checked], maps: [], entry: null });
      const { rejection } = verifyStructure(checked, []);
      const unknown = /^unknown opcode/;
      if (unknown.test(said.message ?? '') !== unknown.test(rejection?.message ?? '')) different.push(opcode);
    }
    assert.deepEqual(different, []);
  });

  const settings = [
    { type: 'xdp', attachType: null, flags: [] },
    { type: 'xdp', attachType: 'xdp_devmap', flags: [] },
    { type: 'xdp', attachType: null, flags: ['xdp_has_frags'] },
    { type: 'sched_cls', attachType: null, flags: [] },
    { type: 'sched_cls', attachType: 'tcx_ingress', flags: [] },
    { type: 'socket_filter', attachType: null, flags: [] },
  ] as const;
  for (const owner of settings) {
    test(`what may join ${JSON.stringify(owner)} in a prog array`, () => {
      for (const joining of settings) {
        const binding = program(join([loadMap(2, 0), slot(0xb7, 3), TAIL_CALL, R0, EXIT]), { ...owner, name: 'owner' });
        const other = program(join([R0, EXIT]), { ...joining, name: 'other' });
        const said = runOnKernel(kernel, {
          programs: [binding, other],
          maps: [map('prog_array', { slots: [{ index: 0, program: 'other' }] })],
          entry: null,
        });
        const expected = progArrayCompatible(progArrayOwner(binding), other);
        assert.equal(said.stage, expected ? 'done' : 'slot', JSON.stringify(joining));
        if (!expected) assert.equal(said.errno, 'EINVAL');
      }
    });
  }

  test('recursion through static functions with BTF', () => {
    const checked = program(join([call(1), EXIT, R0, call(-2), EXIT]), {
      hasBtf: true,
      functions: staticFunctions([2]),
    });
    const said = runOnKernel(kernel, { programs: [checked], maps: [], entry: null });
    assert.equal(said.message, verifyStructure(checked, []).rejection?.message);
  });
});
