import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { readSlots } from '../../src/verifier/slots.ts';
import { decideBranch, transfer, unknownRegisters } from '../../src/verifier/values.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel } from '../support/kernel/kernel.ts';
import { runOnKernel } from '../support/kernel/run.ts';
import { EXIT, join, program, slot } from './build.ts';

/** Numbers at the borders of 32 and 64 bits, and any. */
const number64 = fc.oneof(
  fc.constantFrom(0n, 1n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const number32 = fc.oneof(fc.constantFrom(0, 1, -1, 31, 63, 2 ** 31 - 1, -(2 ** 31)), fc.integer());
const load = (dst: number, value: bigint): Uint8Array =>
  join([
    slot(0x18, dst, 0, 0, Number(BigInt.asIntN(32, value))),
    slot(0, 0, 0, 0, Number(BigInt.asIntN(32, value >> 32n))),
  ]);

/** add, sub, mul, or, and, xor, mov (by register or number), shifts by a fitting amount, neg. */
const arithmetic = fc.oneof(
  fc
    .tuple(fc.constantFrom(0x00, 0x10, 0x20, 0x40, 0x50, 0xa0, 0xb0), fc.constantFrom(0x04, 0x07), number32)
    .map(([operation, kind, imm]) => slot(operation | kind, 0, 0, 0, imm)),
  fc
    .tuple(fc.constantFrom(0x00, 0x10, 0x20, 0x40, 0x50, 0xa0, 0xb0), fc.constantFrom(0x0c, 0x0f))
    .map(([operation, kind]) => slot(operation | kind, 0, 2)),
  fc
    .tuple(fc.constantFrom(0x60, 0x70, 0xc0), fc.constantFrom(0x04, 0x07), fc.nat({ max: 31 }))
    .map(([operation, kind, amount]) => slot(operation | kind, 0, 0, 0, amount)),
  fc.constantFrom(0x84, 0x87).map((opcode) => slot(opcode)),
);
const comparison = fc.constantFrom(0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0);

describe('constants on the running kernel', { skip: kernelAvailable() ?? false }, () => {
  const kernel = new Kernel();
  after(() => kernel.close());
  const retval = (parts: Uint8Array[]) =>
    runOnKernel(kernel, {
      programs: [program(join(parts), { name: 'entry' })],
      maps: [],
      entry: 'entry',
      packet: new Uint8Array(64),
    }).retval;

  function known(parts: Uint8Array[]) {
    const registers = unknownRegisters();
    const slots = readSlots(join(parts));
    for (let pc = 0; pc < slots.length; pc += slots[pc]!.opcode === 0x18 ? 2 : 1) {
      transfer(registers, slots[pc]!, slots[pc + 1], []);
    }
    return registers;
  }

  test('arithmetic gives what the kernel computes', () => {
    fc.assert(
      fc.property(number64, number64, fc.array(arithmetic, { minLength: 1, maxLength: 6 }), (left, right, steps) => {
        const parts = [load(0, left), load(2, right), ...steps];
        const value = known(parts)[0];
        assert.ok(value?.kind === 'constant');
        assert.equal(retval([...parts, EXIT]), Number(value.value & 0xffffffffn));
        assert.equal(retval([...parts, slot(0x77, 0, 0, 0, 32), EXIT]), Number(value.value >> 32n));
      }),
      { numRuns: 300 },
    );
  });

  test('branches go where the kernel goes', () => {
    fc.assert(
      fc.property(
        number64,
        number64,
        number32,
        comparison,
        fc.constantFrom(0x05, 0x06),
        fc.boolean(),
        (left, right, imm, operation, kind, byRegister) => {
          const parts = [load(1, left), load(2, right)];
          const branch = byRegister ? slot(operation | kind | 0x08, 1, 2, 1) : slot(operation | kind, 1, 0, 1, imm);
          const goes = decideBranch(known(parts), readSlots(branch)[0]!);
          const said = retval([...parts, slot(0xb7, 0, 0, 0, 1), branch, slot(0xb7, 0, 0, 0, 0), EXIT]);
          assert.equal(said, goes === true ? 1 : 0);
          assert.notEqual(goes, undefined);
        },
      ),
      { numRuns: 500 },
    );
  });
});
