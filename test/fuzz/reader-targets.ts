/** Every reader of a guest's bytes: what it is fed with, and the errors that it may answer with. */

import { BtfError, MapDefinitionError } from '../../src/btf/error.ts';
import { readBtfExt } from '../../src/btf/ext.ts';
import { readMapDefinitions } from '../../src/btf/map-definitions.ts';
import { readBtf } from '../../src/btf/read.ts';
import { ElfError, ObjectRefusal, ObjectUnsupported } from '../../src/elf/error.ts';
import { readElf } from '../../src/elf/file.ts';
import { readObject } from '../../src/elf/object.ts';
import { AssemblyError, assemble } from '../../src/isa/assemble.ts';
import { assembleUbpf } from '../../src/isa/assembler/ubpf.ts';
import { DecodeError, decode } from '../../src/isa/decode.ts';
import { disassemble } from '../../src/isa/disassemble.ts';
import type { Instruction } from '../../src/isa/instruction.ts';
import { helperId } from '../../src/spec/helpers.ts';
import type { ProgramSpec } from '../../src/spec/object.ts';
import { verifyRunnable, verifyStructure } from '../../src/verifier/verify.ts';
import { KERNEL_ROWS } from '../isa/kernel-rows.ts';
import { LLVM_ROWS } from '../isa/llvm-rows.ts';
import { objectBytes } from '../support/fixtures.ts';
import { mutate, mutateText } from './mutate.ts';
import type { Random } from './random.ts';

export interface ReaderTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  readonly change: (random: Random, seeds: readonly Uint8Array[]) => Uint8Array;
  readonly errors: readonly (new (...parameters: never[]) => Error)[];
  readonly read: (bytes: Uint8Array) => void;
}

const OBJECTS = [
  'parser-chain.o',
  'worked-example.o',
  'subprograms.o',
  'data.o',
  'slots.clang-14.o',
  'maps.o',
  'types.o',
  'text-calls.no-debug.o',
  'refused-core.o',
].map(objectBytes);

function sectionsNamed(name: string): Uint8Array[] {
  return OBJECTS.flatMap((bytes) => readElf(bytes).sections.filter((section) => section.name === name)).map(
    (section) => section.bytes,
  );
}

/** Programs of the objects that can be read. */
const PROGRAMS = OBJECTS.flatMap((bytes) => {
  try {
    return readObject(bytes).programs;
  } catch {
    return [];
  }
});

const DISASSEMBLY_NAMES = { helper: (id: number) => `bpf_helper_${id}`, map: (index: number) => `map_${index}` };
const ASSEMBLY_NAMES = {
  helper: helperId,
  map: (name: string) => (/^map_[0-9]$/.test(name) ? Number(name.at(-1)) : undefined),
};

function textOf(instructions: readonly Instruction[]): string {
  return instructions.map((one) => `${one.pc}: ${disassemble(one, DISASSEMBLY_NAMES)}`).join('\n');
}

function textBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

function textFrom(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Single instructions in every form, programs of compilers, and a text with labels, comments and several statements a line. */
const LLVM_TEXTS = [
  ...PROGRAMS.map((program) => textOf(decode(program.code))),
  ...LLVM_ROWS.map(([text]) => `l: r0 = 0\n${text}`),
  ...KERNEL_ROWS.map(([, text]) => `5: (b7) ${text}`),
  'start: r6 = r1; r2 = map_0 ll // the array\nr3 = 0x10 # index\ncall bpf_tail_call\nif r0 s< -1 goto start\nw0 = w1\nexit\n',
  '0000000000000000 <entry>:\n       0:\tb7 00 00 00 01 00 00 00\tr0 = 0x1\n       1:\t95 00 00 00 00 00 00 00\texit\n',
].map(textBytes);

const UBPF_TEXTS = [
  'mov32 %r0, 1\nldxdw %r0, [%r10-8]\nstxdw [%r10-16], %r0\nlock fetch add [%r10-16], %r1\nexit',
  'lddw %r1, 0x1122334455667788\nbe64 %r1\nswap32 %r1\nmovsx832 %r1, %r2\nneg %r1\njeq %r1, 0, +2\nja exit\nexit',
  'start: sdiv %r1, %r2\nsmod32 %r1, -3\njslt32 %r1, %r2, start\ncall local f\nexit\nf: call 0x5\nstb [%r1+2], 0x55\nexit # end',
  'lock cmpxchg32 [%r10-8], %r1\nlock xchg [%r10-8], %r1\narsh %r1, 63\nldxb %r0, [%r1+1]\njset %r1, 8, lbb_3\nlbb_3:\nexit',
].map(textBytes);

function programOf(code: Uint8Array): ProgramSpec {
  return {
    name: 'fuzz',
    type: 'xdp',
    attachType: null,
    flags: [],
    license: 'GPL',
    code,
    functions: [{ name: 'fuzz', pc: 0, linkage: 'global', returns: 'int' }],
    hasBtf: true,
    lines: [],
    section: 'xdp',
  };
}

const MAPS = ['prog_array', 'array'].map((type) => ({
  name: type,
  type: type as 'array',
  keySize: 4,
  valueSize: 4,
  maxEntries: 4,
  flags: 0,
  entries: [],
  slots: [],
  frozen: false,
}));

const BTF = sectionsNamed('.BTF');
const STRINGS = readBtf(BTF[0]!).strings;

export const READER_TARGETS: readonly ReaderTarget[] = [
  {
    name: 'decode, disassemble',
    seeds: PROGRAMS.map((program) => program.code),
    change: (random, seeds) => mutate(random, seeds, 15),
    errors: [DecodeError],
    read: (bytes) => textOf(decode(bytes)),
  },
  {
    name: 'verify',
    seeds: PROGRAMS.map((program) => program.code),
    change: (random, seeds) => mutate(random, seeds, 15),
    errors: [],
    read: (bytes) => {
      // The pipeline decodes first, and refuses what cannot be decoded.
      const whole = bytes.subarray(0, bytes.length - (bytes.length % 8));
      verifyStructure(programOf(whole), MAPS);
      verifyRunnable(programOf(whole), MAPS);
    },
  },
  {
    name: 'assemble',
    seeds: LLVM_TEXTS,
    change: mutateText,
    errors: [AssemblyError],
    read: (bytes) => assemble(textFrom(bytes), ASSEMBLY_NAMES),
  },
  {
    name: 'assemble, ubpf',
    seeds: UBPF_TEXTS,
    change: mutateText,
    errors: [AssemblyError],
    read: (bytes) => assembleUbpf(textFrom(bytes), ASSEMBLY_NAMES),
  },
  {
    name: 'readObject',
    seeds: OBJECTS,
    change: (random, seeds) => mutate(random, seeds, 5),
    errors: [ElfError, BtfError, ObjectRefusal, ObjectUnsupported],
    read: readObject,
  },
  {
    name: 'readBtf, readMapDefinitions',
    seeds: BTF,
    change: (random, seeds) => mutate(random, seeds, 10),
    errors: [BtfError, MapDefinitionError],
    read: (bytes) => {
      const btf = readBtf(bytes);
      readMapDefinitions(btf, (name) => 32 * (name.length % 4), 1024);
    },
  },
  {
    name: 'readBtfExt',
    seeds: sectionsNamed('.BTF.ext'),
    change: (random, seeds) => mutate(random, seeds, 10),
    errors: [BtfError],
    read: (bytes) => readBtfExt(bytes, STRINGS),
  },
];
