/** How stored programs are looked up for runs: once, per tenant, with a bound. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeRun } from '../../src/api/decode-run.ts';
import { ProblemError } from '../../src/api/problem-error.ts';
import { MAX_RESOLVED_BYTES, StoredPrograms } from '../../src/api/stored-programs.ts';
import { limitsWith } from '../../src/contract/limits.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import type { ProgramStore, StoredProgram } from '../../src/store/store.ts';

const idOf = (digit: number): string => `sha256:${String(digit).repeat(64)}`;

/** A store of these programs that counts how often it is asked. */
function counted(programs: readonly Pick<StoredProgram, 'tenant' | 'id' | 'form'>[]) {
  const asked: string[] = [];
  const store: ProgramStore = {
    put: () => Promise.reject(new Error('nothing is put here')),
    delete: () => Promise.reject(new Error('nothing is deleted here')),
    get: async (tenant, id) => {
      asked.push(`${tenant} ${id.slice(-1)}`);
      const found = programs.find((one) => one.tenant === tenant && one.id === id);
      return found === undefined ? null : { ...found, facts: '{}', storedAt: 0 };
    },
  };
  return { asked, programs: new StoredPrograms(store) };
}

function specOf(tenant: string, ...digits: readonly number[]): RunSpec {
  const programs = digits.map((digit) => ({ name: `p${digit}`, id: idOf(digit) }));
  return decodeRun({ programs, entry: 'p1' }, limitsWith(), 0, tenant);
}

const forms = (spec: RunSpec) => spec.programs.map(({ source }) => (source.kind === 'stored' ? source.form : null));

test('a program is looked up once, and then at once', async () => {
  const form = Uint8Array.of(1, 2, 3);
  // A view of a larger buffer, as a driver may give it.
  const view = new Uint8Array(new ArrayBuffer(1000), 8, 3);
  view.set(form);
  const { asked, programs } = counted([{ tenant: 'a', id: idOf(1), form: view }]);
  const [first, again] = [await programs.resolve(specOf('a', 1)), programs.resolve(specOf('a', 1))];
  assert.ok(!(again instanceof Promise), 'no promise is waited for');
  for (const spec of [first, again]) {
    assert.deepEqual(forms(spec), [form]);
    assert.equal(forms(spec)[0]!.buffer.byteLength, form.length, 'nothing else goes along to a thread');
  }
  assert.deepEqual(asked, ['a 1']);
});

test('a run that names no stored program is left as it is', () => {
  const { asked, programs } = counted([]);
  const spec = decodeRun({ programs: [{ name: 'p', type: 'xdp', asm: 'exit' }], entry: 'p' }, limitsWith(), 0, 'a');
  assert.equal(programs.resolve(spec), spec);
  assert.deepEqual(asked, []);
});

test('an id that the tenant does not have is asked for again, and named with its place', async () => {
  const { asked, programs } = counted([{ tenant: 'a', id: idOf(1), form: Uint8Array.of(1) }]);
  await programs.resolve(specOf('a', 1));
  const pointers = async (spec: RunSpec): Promise<readonly string[]> => {
    try {
      await programs.resolve(spec);
      return [];
    } catch (error) {
      assert.ok(error instanceof ProblemError);
      assert.equal(error.problem.code, 'bad_reference');
      return error.problem.errors!.map(({ pointer }) => pointer);
    }
  };
  assert.deepEqual(await pointers(specOf('a', 1, 2, 3)), ['/programs/1/id', '/programs/2/id']);
  assert.deepEqual(await pointers(specOf('b', 1)), ['/programs/0/id']);
  assert.deepEqual(await pointers(specOf('b', 1)), ['/programs/0/id']);
  assert.deepEqual(asked, ['a 1', 'a 2', 'a 3', 'b 1', 'b 1']);
});

test('what was asked for least recently leaves when there is no room', async () => {
  const third = new Uint8Array(MAX_RESOLVED_BYTES / 3);
  const { asked, programs } = counted([1, 2, 3].map((digit) => ({ tenant: 'a', id: idOf(digit), form: third })));
  const inMemory = (digit: number): boolean => !(programs.get('a', idOf(digit)) instanceof Promise);
  await programs.resolve(specOf('a', 1, 2));
  assert.deepEqual([inMemory(1), inMemory(2)], [true, true]);
  assert.ok(inMemory(1));
  await programs.resolve(specOf('a', 3));
  assert.deepEqual([inMemory(3), inMemory(1), inMemory(2)], [true, true, false]);
  assert.deepEqual(asked, ['a 1', 'a 2', 'a 3', 'a 2']);
});
