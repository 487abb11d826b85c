import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MapDefinitionError } from '../../src/btf/error.ts';
import { type MapDefinition, readMapDefinitions } from '../../src/btf/map-definitions.ts';
import { readBtf } from '../../src/btf/read.ts';
import { btfSection, Strings, type } from '../support/btf-bytes.ts';

/** A member by the id of its type. */
type Member = readonly [name: string, type: number];

interface Source {
  readonly members: readonly Member[];
  readonly types?: readonly Uint8Array[];
  readonly linkage?: number;
  readonly structSize?: number;
}

/** Ids: 1 int, 2 pointer to int, 3 prototype, 4 pointer to prototype, 5 array [0] of 4, then a pointer to an array for each number of 0 to 31. */
const NUMBER_BASE = 6;
const number = (value: number): number => NUMBER_BASE + 2 * value + 1;
const EXTRA = NUMBER_BASE + 64;

function read({ members, types = [], linkage = 1, structSize }: Source): MapDefinition[] {
  const strings = new Strings();
  const all = [
    type(1, 0, 4, [0x20]),
    type(2, 0, 1),
    type(13, 0, 1),
    type(2, 0, 3),
    type(3, 0, 0, [4, 1, 0]),
    ...Array.from({ length: 32 }, (_, value) => [
      type(3, 0, 0, [1, 1, value]),
      type(2, 0, NUMBER_BASE + 2 * value),
    ]).flat(),
    ...types,
  ];
  const struct = all.length + 1;
  const fields = members.flatMap(([name, id], index) => [strings.add(name), id, index * 64]);
  all.push(type(4, members.length, structSize ?? members.length * 8, fields));
  all.push(type(14, 0, struct, [linkage], strings.add('m')));
  all.push(type(15, 1, 0, [struct + 1, 0, members.length * 8 + 16], strings.add('.maps')));
  return readMapDefinitions(readBtf(btfSection(all, strings.bytes)), () => 8, 4096);
}

const ARRAY: readonly Member[] = [
  ['type', number(2)],
  ['key_size', number(4)],
  ['value_size', number(8)],
  ['max_entries', number(3)],
];
const PLAIN = {
  name: 'm',
  offset: 8,
  type: 2,
  keySize: 4,
  valueSize: 8,
  maxEntries: 3,
  flags: 0,
  mapExtra: 0,
  pinned: false,
  valuesOffset: null,
};

const READ: readonly { readonly name: string; readonly source: Source; readonly expected: Partial<MapDefinition> }[] = [
  { name: 'numbers', source: { members: ARRAY }, expected: { ...PLAIN, size: 48 } },
  {
    name: 'types',
    source: {
      members: [
        ['type', number(1)],
        ['key', 2],
        ['value', EXTRA],
      ],
      types: [type(2, 0, EXTRA + 1), type(3, 0, 0, [1, 1, 5])],
    },
    expected: { type: 1, keySize: 4, valueSize: 20, maxEntries: 0 },
  },
  {
    name: 'flags, node, extra',
    source: { members: [...ARRAY, ['map_flags', number(1)], ['numa_node', number(9)], ['map_extra', number(7)]] },
    expected: { flags: 1, mapExtra: 7 },
  },
  { name: 'pinned', source: { members: [...ARRAY, ['pinning', number(1)]] }, expected: { pinned: true } },
  {
    name: 'values',
    source: {
      members: [
        ['type', number(3)],
        ['values', 5],
      ],
    },
    expected: { valueSize: 4, valuesOffset: 8 },
  },
  { name: 'the same size twice', source: { members: [...ARRAY, ['key', 2]] }, expected: { keySize: 4 } },
  {
    name: 'through a typedef',
    source: { members: [['type', EXTRA]], types: [type(8, 0, number(2))] },
    expected: { type: 2 },
  },
];

test('definitions', async (context) => {
  for (const { name, source, expected } of READ) {
    await context.test(name, () => {
      const [definition] = read(source);
      assert.deepEqual({ ...definition, ...expected }, definition);
    });
  }
});

/** The errno of libbpf 1.x for each. */
const REFUSED: readonly {
  readonly name: string;
  readonly source: Source;
  readonly errno: string;
  readonly text: RegExp;
}[] = [
  {
    name: 'no type',
    source: { members: [['max_entries', number(1)]] },
    errno: 'EINVAL',
    text: /map type isn't specified/,
  },
  {
    name: 'number that is none',
    source: { members: [['type', 1]] },
    errno: 'EINVAL',
    text: /'type' is not written with __uint/,
  },
  {
    name: 'key that is no pointer',
    source: {
      members: [
        ['type', number(2)],
        ['key', 1],
      ],
    },
    errno: 'EINVAL',
    text: /'key' is not/,
  },
  {
    name: 'value without size',
    source: {
      members: [
        ['type', number(2)],
        ['value', 4],
      ],
    },
    errno: 'EINVAL',
    text: /value size/,
  },
  {
    name: 'sizes that differ',
    source: { members: [...ARRAY, ['key_size', number(5)]] },
    errno: 'EINVAL',
    text: /conflicting keySize 4 != 5/,
  },
  {
    name: 'values not last',
    source: {
      members: [
        ['type', number(3)],
        ['values', 5],
        ['max_entries', number(1)],
      ],
    },
    errno: 'EINVAL',
    text: /should be last/,
  },
  {
    name: 'values of an array map',
    source: {
      members: [
        ['type', number(2)],
        ['values', 5],
      ],
    },
    errno: 'EOPNOTSUPP',
    text: /map-in-map or prog-array/,
  },
  {
    name: 'values of 8 bytes',
    source: {
      members: [
        ['type', number(3)],
        ['value_size', number(8)],
        ['values', 5],
      ],
    },
    errno: 'EINVAL',
    text: /8 != 4/,
  },
  {
    name: 'values that are no array',
    source: {
      members: [
        ['type', number(3)],
        ['values', 2],
      ],
    },
    errno: 'EINVAL',
    text: /zero-sized/,
  },
  {
    name: 'values of ints',
    source: {
      members: [
        ['type', number(3)],
        ['values', EXTRA],
      ],
      types: [type(3, 0, 0, [2, 1, 0])],
    },
    errno: 'EINVAL',
    text: /unexpected kind/,
  },
  {
    name: 'unknown field',
    source: { members: [['toString', number(1)]] },
    errno: 'EOPNOTSUPP',
    text: /unknown field 'toString'/,
  },
  { name: 'pinning 2', source: { members: [['pinning', number(2)]] }, errno: 'EINVAL', text: /pinning value 2/ },
  { name: 'static', source: { members: ARRAY, linkage: 0 }, errno: 'EOPNOTSUPP', text: /linkage static/ },
  {
    name: 'struct larger than its variable',
    source: { members: ARRAY, structSize: 512 },
    errno: 'EINVAL',
    text: /struct of its size/,
  },
];

test('what libbpf refuses', async (context) => {
  for (const { name, source, errno, text } of REFUSED) {
    await context.test(name, () => {
      assert.throws(
        () => read(source),
        (error) => error instanceof MapDefinitionError && error.errno === errno && text.test(error.message),
      );
    });
  }
});

test('no symbol, an offset past the section, no description', () => {
  const strings = new Strings();
  const types = [type(4, 0, 0), type(14, 0, 1, [1], strings.add('m')), type(15, 1, 0, [2, 0, 8], strings.add('.maps'))];
  const btf = readBtf(btfSection(types, strings.bytes));
  assert.throws(() => readMapDefinitions(btf, () => undefined, 64), { errno: 'ENOENT' });
  assert.throws(() => readMapDefinitions(btf, () => 60, 64), { errno: 'EINVAL' });
  assert.throws(() => readMapDefinitions(readBtf(btfSection([])), () => 0, 64), { errno: 'ENOENT' });
});
