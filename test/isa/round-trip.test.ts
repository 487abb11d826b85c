import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AssemblyError, assemble } from '../../src/isa/assemble.ts';
import { DecodeError, decode } from '../../src/isa/decode.ts';
import { disassemble } from '../../src/isa/disassemble.ts';
import { encode } from '../../src/isa/encode.ts';
import { KERNEL_ROWS } from './kernel-rows.ts';
import { PROGRAM } from './programs.ts';

const HELPERS = new Map([
  ['bpf_map_lookup_elem', 1],
  ['bpf_tail_call', 12],
]);
/** A plain name, one like a register, one like a word of the language, one that cannot stand in the text, and no name. */
const MAPS = ['chain', 'r1', 'be16', 'two words'];
const NAMES = {
  helper: (name: string) => HELPERS.get(name),
  map: (name: string) => (MAPS.includes(name) ? MAPS.indexOf(name) : undefined),
};
const BACK = {
  helper: (id: number) => [...HELPERS].find(([, number]) => number === id)?.[0],
  map: (index: number) => MAPS[index],
};

function textOf(code: Uint8Array): string {
  return decode(code)
    .map((instruction) => disassemble(instruction, BACK))
    .join('\n');
}

test('bytes, text, bytes is the identity for instructions without hidden fields', () => {
  fc.assert(
    fc.property(PROGRAM, (program) => {
      const code = encode(program);
      assert.deepEqual(assemble(textOf(code), NAMES).code, code);
    }),
    { numRuns: 1_000 },
  );
});

test('text, bytes, text is the identity for a disassembly', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...KERNEL_ROWS), { minLength: 1, maxLength: 20 }), (rows) => {
      const text = rows.map(([, line]) => line.replace(/ bpf_\w+#/, ' unknown#')).join('\n');
      assert.equal(textOf(assemble(text, NAMES).code), text);
    }),
  );
});

test('one more round changes nothing: labels, names and listings come to rest', () => {
  const text = `start: r2 = chain ll
    if r1 == 5 goto done; call tail_call
    call f
  done: r0 = 0
    exit
  f:
    5: (b7) r0 = 1   ; R0=1
    exit`;
  const once = assemble(text, NAMES).code;
  assert.deepEqual(assemble(textOf(once), NAMES).code, once);
});

/** Runs what may raise one kind of error only. */
function tolerate(error: typeof AssemblyError | typeof DecodeError, run: () => void): void {
  try {
    run();
  } catch (raised) {
    if (!(raised instanceof error)) throw raised;
  }
}

const FRAGMENTS = KERNEL_ROWS.flatMap(([, text]) => text.split(' '))
  .concat('; # // : l: < > ll pc 0x 08 99999999999999999999 é \0 \ud800'.split(' '))
  .concat(['\n', '5: (18)', '0:\tb7 00 ']);

test('no text makes the assembler raise anything but AssemblyError with a place inside the text', () => {
  const random = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 30 }).map((parts) => parts.join(' ')),
    fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 30 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(random, (text) => {
      try {
        const { code, lines } = assemble(text, NAMES);
        assert.equal(decode(code).length, lines.length);
      } catch (error) {
        if (!(error instanceof AssemblyError)) throw error;
        const line = text.split('\n')[error.line - 1];
        assert.ok(line !== undefined && error.column >= 1 && error.column <= line.length + 1, error.message);
      }
    }),
    { numRuns: 5_000 },
  );
});

test('a disassembly with one character changed assembles or raises AssemblyError', () => {
  fc.assert(
    fc.property(PROGRAM, fc.nat(), fc.string({ unit: 'binary-ascii', maxLength: 2 }), (program, seed, replacement) => {
      const text = textOf(encode(program));
      const at = seed % text.length;
      tolerate(AssemblyError, () => {
        decode(assemble(text.slice(0, at) + replacement + text.slice(at + 1), NAMES).code);
      });
    }),
    { numRuns: 2_000 },
  );
});

test('any bytes disassemble or raise DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 64 }), (bytes) => {
      tolerate(DecodeError, () => {
        for (const line of textOf(bytes.subarray(0, bytes.length - (bytes.length % 8))).split('\n')) {
          assert.match(line, /^[\x20-\x7e]+$/);
        }
      });
    }),
    { numRuns: 5_000 },
  );
});
