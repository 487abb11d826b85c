/** The element commands of prog arrays: our answers and Linux's to the same rows. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAP_FLAGS } from '../../src/spec/maps.ts';
import type { MapSpec, ProgramSpec } from '../../src/spec/object.ts';
import {
  type ProgArray,
  progArrayDelete,
  progArrayFreeze,
  progArrayLookup,
  progArrayNextKey,
  progArrayUpdate,
} from '../../src/spec/prog-array.ts';
import { type ProgArrayOwner, progArrayCompatible, progArrayOwner } from '../../src/spec/prog-array-owner.ts';
import { PROGRAM_TYPES } from '../../src/spec/programs.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel, type KernelMap } from '../support/kernel/kernel.ts';
import { EXIT, join, loadMap, map, program, R0 } from '../verifier/build.ts';
import { type Command, OFFERED, type OfferedName, PROG_ARRAY_ROWS, type ProgArrayRow } from './prog-array-rows.ts';

const NAMES = Object.keys(OFFERED) as OfferedName[];

interface Answer {
  readonly errno: string | null;
  readonly finds?: OfferedName | number | undefined;
}

type Subject = (command: Command) => Answer;

function flagBits(row: ProgArrayRow): number {
  return (row.flags ?? []).reduce((bits, name) => bits | MAP_FLAGS[name], 0);
}

/** A prog array that does what the pure functions say. */
function ours(row: ProgArrayRow): Subject {
  const slots = new Map<number, number>();
  let owner: ProgArrayOwner | null = null;
  let frozen = false;
  const array = (): ProgArray => ({ maxEntries: 4, flags: flagBits(row), frozen, owner, slots });
  return (command) => {
    switch (command.do) {
      case 'update': {
        const { program: name, index, flags } = command;
        const offered =
          name in OFFERED ? { ...OFFERED[name as OfferedName], number: NAMES.indexOf(name as OfferedName) } : name;
        const answer = progArrayUpdate(array(), index, offered as Parameters<typeof progArrayUpdate>[2], flags);
        if (answer.errno === null) {
          ({ owner } = answer);
          slots.set(index, NAMES.indexOf(name as OfferedName));
        }
        return { errno: answer.errno };
      }
      case 'delete': {
        const answer = progArrayDelete(array(), command.index);
        if (answer.errno === null) slots.delete(command.index);
        return answer;
      }
      case 'lookup': {
        const answer = progArrayLookup(array(), command.index, command.flags);
        return answer.errno === null ? { errno: null, finds: NAMES[answer.program] } : answer;
      }
      case 'next': {
        const answer = progArrayNextKey(array(), command.index);
        return answer.errno === null ? { errno: null, finds: answer.index } : answer;
      }
      case 'freeze': {
        const answer = progArrayFreeze(array());
        frozen ||= answer.errno === null;
        return answer;
      }
      case 'load': {
        const loaded = OFFERED[command.program];
        if (owner !== null && !progArrayCompatible(owner, loaded)) return { errno: 'EINVAL' };
        owner ??= progArrayOwner(loaded);
        return { errno: null };
      }
    }
  };
}

function key(index: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, index, true);
  return bytes;
}

function offeredSpec(name: OfferedName, code: Uint8Array): ProgramSpec {
  return program(code, { name, ...OFFERED[name] });
}

/** The same on the running kernel. */
function linux(kernel: Kernel, row: ProgArrayRow): Subject {
  const spec: MapSpec = map('prog_array', { maxEntries: 4, flags: flagBits(row) });
  const created = kernel.createMap(spec);
  assert.equal(created.errno, null);
  const array = created.map as KernelMap;
  const other = kernel.createMap(map('array')).map as KernelMap;
  const loaded = new Map<OfferedName, number>();
  const ids = new Map<number, OfferedName>();
  const descriptorOf = (name: OfferedName): number => {
    const known = loaded.get(name);
    if (known !== undefined) return known;
    const { descriptor, log } = kernel.load(offeredSpec(name, join([R0, EXIT])), []);
    assert.ok(descriptor !== undefined, log);
    loaded.set(name, descriptor);
    return descriptor;
  };
  return (command) => {
    switch (command.do) {
      case 'update': {
        const { program: name, index, flags } = command;
        const descriptor =
          name === 'bad_descriptor' ? -1 : name === 'not_a_program' ? other.descriptor : descriptorOf(name);
        const errno = kernel.update(array, key(index), key(descriptor >>> 0), flags);
        if (errno === null) ids.set(index, name as OfferedName);
        return { errno };
      }
      case 'delete':
        return { errno: kernel.delete(array, key(command.index)) };
      case 'lookup': {
        const { errno, value } = kernel.lookup(array, key(command.index), command.flags);
        // The id is the kernel's own; that it is one of a program shows in its being there.
        const known = value !== undefined && new DataView(value.buffer).getUint32(0, true) > 0;
        return known ? { errno, finds: ids.get(command.index) } : { errno };
      }
      case 'next': {
        const { errno, key: found } = kernel.nextKey(array, command.index === null ? null : key(command.index));
        return found === undefined ? { errno } : { errno, finds: new DataView(found.buffer).getUint32(0, true) };
      }
      case 'freeze':
        return { errno: kernel.freeze(array) };
      case 'load': {
        const { errno, log } = kernel.load(offeredSpec(command.program, join([loadMap(1, 0), R0, EXIT])), [array]);
        if (errno !== null) assert.doesNotMatch(log, /[a-z] prog|tail_call|map/, 'Linux says nothing');
        return { errno };
      }
    }
  };
}

function check(row: ProgArrayRow, subject: Subject): void {
  row.commands.forEach(([command, errno], index) => {
    const finds = 'finds' in command ? command.finds : undefined;
    const answer = subject(command);
    const expected = finds === undefined ? { errno } : { errno, finds };
    assert.deepEqual(
      finds === undefined ? { errno: answer.errno } : answer,
      expected,
      `${index}: ${JSON.stringify(command)}`,
    );
  });
}

for (const row of PROG_ARRAY_ROWS) test(row.name, () => check(row, ours(row)));

test('programs of every type: stored, but for those that cannot be', () => {
  for (const [type, { tailCalls }] of Object.entries(PROGRAM_TYPES)) {
    const array: ProgArray = { maxEntries: 1, flags: 0, frozen: false, owner: null, slots: new Map() };
    const { errno } = progArrayUpdate(array, 0, { type, attachType: null, flags: [], number: 0 });
    assert.equal(errno, tailCalls === 'yes' ? null : 'EINVAL', type);
  }
});

describe('the same on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const row of PROG_ARRAY_ROWS) {
    test(row.name, () => {
      using kernel = new Kernel();
      check(row, linux(kernel, row));
    });
  }
});
