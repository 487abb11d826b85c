/** What a thread keeps of stored programs, and what it gives again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoredForms } from '../../src/pipeline/stored-forms.ts';
import { runSpec } from '../support/engine-run.ts';
import { storedProgram } from '../support/stored-runs.ts';

/** As documented in stored-forms.ts. */
const MOST_FORMS = 512;
const MOST_BYTES = 32 * 1024 * 1024;
const MOST_LINKED = 8;

const TEXT = 'r1 = b ll\nr2 = a[0]+4 ll\nr0 = 1\nexit';
const SPEC = runSpec({ programs: { p: TEXT }, maps: { a: {}, b: {} } });
const { id, form } = storedProgram(SPEC.programs[0]!, SPEC.maps);

test('a form is read once for each tenant', () => {
  const forms = new StoredForms();
  const first = forms.get('a', id, form);
  assert.equal(forms.get('a', id, form.slice()), first);
  assert.notEqual(forms.get('b', id, form), first);
});

test('the form that was used least recently is forgotten', () => {
  const forms = new StoredForms();
  const all = Array.from({ length: MOST_FORMS }, (_, index) => forms.get(`t${index}`, id, form));
  assert.equal(forms.get('t0', id, form), all[0]);
  forms.get('another', id, form);
  assert.equal(forms.get('t0', id, form), all[0]);
  assert.notEqual(forms.get('t1', id, form), all[1]);
});

test('large forms push others out, and a very large one stays alone', () => {
  const forms = new StoredForms();
  const small = forms.get('a', id, form);
  // White space behind it is no part of JSON's value.
  const large = new Uint8Array(MOST_BYTES + 1).fill(0x20);
  large.set(form);
  const alone = forms.get('b', id, large);
  assert.equal(forms.get('b', id, large), alone);
  assert.notEqual(forms.get('a', id, form), small);
});

test('linked to other maps, the code refers to their numbers; the same linking is the same value', () => {
  const read = new StoredForms().get('a', id, form);
  const indexes = (code: Uint8Array) => [
    new DataView(code.buffer).getInt32(4, true),
    new DataView(code.buffer).getInt32(20, true),
  ];
  assert.deepEqual(indexes(read.link('p', [0, 1]).code), [0, 1]);
  const linked = read.link('q', [7, 300]);
  assert.deepEqual(indexes(linked.code), [7, 300]);
  assert.equal(linked.code[1]! >> 4, 1);
  assert.equal(new DataView(linked.code.buffer).getInt32(28, true), 4, 'the offset into the value stays');
  assert.equal(read.link('q', [7, 300]), linked);
  assert.notEqual(read.link('q', [7, 301]), linked);
  assert.equal(read.link('r', [7, 300]).functions[0]?.name, 'r');
  for (let number = 0; number < MOST_LINKED; number++) read.link(`s${number}`, [7, 300]);
  assert.notEqual(read.link('q', [7, 300]), linked, 'only the last ones are kept');
});
