/** Stored programs: the body of POST /v1/programs, and what is shown of a program. */

import { type Static, Type } from 'typebox';
import { Rejection, Source, Verification } from './result.ts';
import { Bytes, MapBody, PROGRAM_ID_PATTERN, Program } from './run.ts';
import { closed, literals, nullable } from './schema.ts';

export const ELF_MEDIA_TYPE = 'application/x-elf';

const { id: _, name, ...described } = Program.properties;

/** An object, or one program with the maps that it refers to. */
export const ProgramUpload = Type.Object(
  {
    elf: Type.Optional(Type.Unsafe<Bytes>({ ...Bytes, description: 'An object as clang -target bpf -c writes it' })),
    name: Type.Optional(name),
    ...described,
    maps: Type.Optional(
      Type.Array(MapBody, { description: 'Maps that the instructions refer to; those that they do not are left out' }),
    ),
  },
  { ...closed, description: 'Either elf, or a program: name, type and one source (asm or insns)' },
);
export type ProgramUpload = Static<typeof ProgramUpload>;

const Id = Type.String({ pattern: PROGRAM_ID_PATTERN, description: 'sha256: of the canonical form' });

export const MapShape = Type.Object(
  {
    name: Type.String(),
    type: Type.String(),
    keySize: Type.Integer(),
    valueSize: Type.Integer(),
    maxEntries: Type.Integer(),
    flags: Type.Array(Type.String()),
    frozen: Type.Boolean(),
  },
  closed,
);
export type MapShape = Static<typeof MapShape>;

export const ProgramsStored = Type.Object(
  {
    programs: Type.Array(Type.Object({ id: Id, name: Type.String(), type: Type.String() }, closed)),
    maps: Type.Array(MapShape, { description: 'Maps of the object or the request' }),
    notes: Type.Array(Type.String(), { description: 'What was left out, or accepted with a remark' }),
  },
  closed,
);
export type ProgramsStored = Static<typeof ProgramsStored>;

const FunctionRow = Type.Object(
  {
    name: Type.String(),
    pc: Type.Integer({ description: 'Its first slot' }),
    linkage: literals(['static', 'global']),
    returns: nullable(Type.String({ description: 'int, void, pointer or other; null: it has no BTF' })),
  },
  closed,
);

export const ProgramDetails = Type.Object(
  {
    id: Id,
    name: Type.String({ description: 'The name that it was stored with first; a run gives it its own' }),
    type: Type.String(),
    attachType: nullable(Type.String()),
    flags: Type.Array(Type.String()),
    license: Type.String(),
    insns: Type.Integer({ description: '8-byte slots' }),
    code: Type.Object(
      { hex: Type.String() },
      { ...closed, description: 'Linked instructions; an lddw of a map holds its index in maps' },
    ),
    functions: Type.Array(FunctionRow),
    maps: Type.Array(
      Type.Object(
        {
          ...MapShape.properties,
          entries: Type.Integer({ description: 'Initial elements' }),
          slots: Type.Record(Type.String(), Type.String(), { description: 'Initial slots: index to program name' }),
        },
        closed,
      ),
      { description: 'In the order in which the code refers to them' },
    ),
  },
  closed,
);
export type ProgramDetails = Static<typeof ProgramDetails>;

export const Disassembly = Type.Object(
  {
    id: Id,
    insns: Type.Array(
      Type.Object(
        {
          pc: Type.Integer({ description: 'Slot; an lddw takes two' }),
          hex: Type.String({ description: 'Its bytes' }),
          insn: Type.String(),
          function: Type.Optional(Type.String({ description: 'Name of the function that begins here' })),
          source: Type.Optional(Source),
        },
        closed,
      ),
      { description: 'source stands where it differs from that of the instruction before' },
    ),
  },
  closed,
);
export type Disassembly = Static<typeof Disassembly>;

export const EDGE_KINDS = ['taken', 'not_taken', 'goto', 'next'] as const;

const BlockNumber = (description: string) => Type.Integer({ description });

export const ProgramGraph = Type.Object(
  {
    id: Id,
    functions: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          pc: Type.Integer(),
          entry: BlockNumber('Its first block'),
          blocks: Type.Integer({ description: 'How many; they follow its entry' }),
          reducible: Type.Boolean({
            description: 'false: some cycle can be entered at two places, and is no loop here',
          }),
        },
        closed,
      ),
    ),
    blocks: Type.Array(
      Type.Object(
        {
          function: Type.Integer({ description: 'Index in functions' }),
          pc: Type.Integer({ description: 'Slot of its first instruction' }),
          end: Type.Integer({ description: 'First slot behind it' }),
          edges: Type.Array(
            Type.Object(
              {
                kind: literals(EDGE_KINDS),
                to: nullable(BlockNumber('null: out of the function, where no instruction of it is')),
              },
              closed,
            ),
            { description: 'Of a conditional jump taken first; none behind exit' },
          ),
          reachable: Type.Boolean({ description: 'From the entry of its function' }),
          dominator: nullable(
            BlockNumber('The last block that every way here goes through; null: it is an entry, or unreachable'),
          ),
          loop: nullable(Type.Integer({ description: 'Index in loops of the smallest one around it' })),
        },
        closed,
      ),
      { description: 'Numbered by their place' },
    ),
    loops: Type.Array(
      Type.Object(
        {
          header: BlockNumber('The block that every way into the loop goes through'),
          backEdges: Type.Array(BlockNumber('A block that jumps back to the header')),
          parent: nullable(Type.Integer({ description: 'Index of the loop around it' })),
          depth: Type.Integer({ description: '1 for an outermost loop' }),
        },
        closed,
      ),
    ),
    calls: Type.Array(
      Type.Object(
        { pc: Type.Integer(), block: Type.Integer(), function: Type.Integer({ description: 'Index in functions' }) },
        closed,
      ),
      { description: 'Calls of functions of the program, and callbacks that are handed to helpers' },
    ),
    tailCalls: Type.Array(
      Type.Object(
        {
          pc: Type.Integer(),
          block: Type.Integer(),
          map: nullable(Type.String({ description: 'The prog array; null: it depends on the way taken' })),
          index: nullable(Type.Integer({ description: 'The slot, where it is a constant' })),
        },
        closed,
      ),
      { description: 'Those that a run can reach' },
    ),
  },
  closed,
);
export type ProgramGraph = Static<typeof ProgramGraph>;

export const ProgramVerification = Type.Object(
  {
    id: Id,
    profile: Type.String({ description: 'Whose rules' }),
    ...Verification.properties,
    rejection: nullable(Rejection),
  },
  closed,
);
export type ProgramVerification = Static<typeof ProgramVerification>;
