/**
 * A stored program as bytes, and the hash that it is known by. The canonical form is a JSON array of a fixed order, so that equal programs
 * are equal bytes:
 *
 *   [version, type, attachType, flags, license, code, functions, hasBtf, maps, lines]
 *
 * flags are sorted, bytes are base64 (of a value that is all zeroes only the length stands: a .bss may be large), `code` refers to maps by
 * their place in `maps`, which holds those that the code refers to in the order in which it does so first. The id hashes the form with the
 * hash of `lines` in their place. The program's name is no part of it: it is that of the run, also as name of the first function and, of
 * assembly, in the name of its source file (stored as '.s'). Names, contents and slots of maps are part of it, since runs link by name and
 * begin with the contents.
 */

import { hash } from 'node:crypto';
import type { MapSpec, ProgramSpec, SourceLine } from '../spec/object.ts';

const FORM_VERSION = 1;

/** Source file of a program of assembly, behind the program's name. */
export const ASSEMBLY_SUFFIX = '.s';

/** A program with the maps that its code refers to, by index. Its name is ''. */
export interface StoredProgram {
  readonly program: ProgramSpec;
  readonly maps: readonly MapSpec[];
}

/** What a program becomes when it is stored. */
export interface StoredForm {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly id: string;
  readonly form: Uint8Array;
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

type FunctionRow = readonly [pc: number, name: string | null, linkage: 'static' | 'global', returns: string | null];
type MapRow = readonly [
  name: string,
  type: string,
  keySize: number,
  valueSize: number,
  maxEntries: number,
  flags: number,
  frozen: boolean,
  origin: string | null,
  entries: readonly (readonly [key: string, value: string | number])[],
  slots: readonly (readonly [index: number, program: string])[],
];
/** Files and texts by their place in `strings`: one line stands behind many instructions. */
type Lines = readonly [
  strings: readonly string[],
  rows: readonly (readonly [pc: number, file: number, line: number, column: number, text: number])[],
];
type Form = readonly [
  version: number,
  type: string,
  attachType: string | null,
  flags: readonly string[],
  license: string,
  code: string,
  functions: readonly FunctionRow[],
  hasBtf: boolean,
  maps: readonly MapRow[],
  lines: Lines,
];

/** The canonical form of a program and its id. */
export function encodeProgram({ program, maps }: StoredProgram): StoredForm {
  const { type, attachType, flags, license, code, functions, hasBtf } = program;
  const head = [
    FORM_VERSION,
    type,
    attachType,
    flags.toSorted(),
    license,
    base64(code),
    functions.map(({ pc, name, linkage, returns }) => [pc, pc === 0 ? null : name, linkage, returns ?? null] as const),
    hasBtf,
    maps.map(mapRow),
  ] as const;
  const lines = linesOf(program.lines);
  const identity = JSON.stringify([...head, hash('sha256', JSON.stringify(lines), 'hex')]);
  return {
    id: `sha256:${hash('sha256', identity, 'hex')}`,
    form: new TextEncoder().encode(JSON.stringify([...head, lines] satisfies Form)),
  };
}

function mapRow(map: MapSpec): MapRow {
  return [
    map.name,
    map.type,
    map.keySize,
    map.valueSize,
    map.maxEntries,
    map.flags,
    map.frozen,
    map.origin ?? null,
    map.entries.map(({ key, value }) => [base64(key), value.some((byte) => byte !== 0) ? base64(value) : value.length]),
    map.slots.map(({ index, program }) => [index, program]),
  ];
}

function linesOf(lines: readonly SourceLine[]): Lines {
  const places = new Map<string, number>();
  const place = (text: string): number => {
    const known = places.get(text);
    if (known !== undefined) return known;
    places.set(text, places.size);
    return places.size - 1;
  };
  const rows = lines.map(({ pc, file, line, column, text }) => [pc, place(file), line, column, place(text)] as const);
  return [[...places.keys()], rows];
}

/** The program of a form that `encodeProgram` made; other bytes are a defect of the store, and throw. */
export function decodeProgram(form: Uint8Array): StoredProgram {
  const parsed = JSON.parse(new TextDecoder().decode(form)) as Form;
  const [version, type, attachType, flags, license, code, functions, hasBtf, maps, [strings, rows]] = parsed;
  if (version !== FORM_VERSION) throw new Error(`a stored program of version ${version}, known is ${FORM_VERSION}`);
  return {
    program: {
      name: '',
      type: type as ProgramSpec['type'],
      attachType,
      flags,
      license,
      code: bytesOf(code),
      functions: functions.map(([pc, name, linkage, returns]) => ({
        pc,
        name: name ?? '',
        linkage,
        returns: (returns ?? undefined) as ProgramSpec['functions'][number]['returns'],
      })),
      hasBtf,
      lines: rows.map(([pc, file, line, column, text]) => ({
        pc,
        file: strings[file]!,
        line,
        column,
        text: strings[text]!,
      })),
      section: '',
    },
    maps: maps.map(([name, mapType, keySize, valueSize, maxEntries, mapFlags, frozen, origin, entries, slots]) => ({
      name,
      type: mapType as MapSpec['type'],
      keySize,
      valueSize,
      maxEntries,
      flags: mapFlags,
      frozen,
      ...(origin === null ? {} : { origin }),
      entries: entries.map(([key, value]) => ({
        key: bytesOf(key),
        value: typeof value === 'number' ? new Uint8Array(value) : bytesOf(value),
      })),
      slots: slots.map(([index, program]) => ({ index, program })),
    })),
  };
}
