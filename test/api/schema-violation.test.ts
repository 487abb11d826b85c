/** What a message with a field of several forms is told: one line, where it is wrong. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemIn } from '../../src/api/schema-violation.ts';
import { greeted, listening } from '../support/trace-service.ts';

/** `until` of a runTo, and what is wrong with it. */
const UNTIL: readonly (readonly [unknown, string, string])[] = [
  [{ tailCall: false }, '/until/tailCall', 'must be one of true, miss'],
  [{ foo: 1 }, '/until', 'needs one of program, tailCall, mapWrite'],
  [{ program: 'x' }, '/until', 'needs one of pc, tailCall, mapWrite'],
  [{ program: 'x', pc: -1 }, '/until/pc', 'must be >= 0'],
  [{ program: 'x', pc: 1, tailCall: true }, '/until', 'has none of the forms that it may have'],
  [5, '/until', 'must be object'],
];

test('a value that fits no form is one error, with the id of its message', async (t) => {
  const { url } = await listening(t);
  for (const [until, pointer, detail] of UNTIL) {
    const client = await greeted(url);
    client.say({ type: 'runTo', id: 'q', from: 0, until });
    assert.equal((await client.closed).code, 4400);
    const { problem } = await client.wait('error', 'q');
    assert.deepEqual(problem.errors, [{ pointer, detail }], JSON.stringify(until));
    assert.equal(problem.detail, `${pointer}: ${detail}`);
  }
});

test('a problem of a part points into the whole', () => {
  const errors = [{ pointer: '/a', detail: 'is wrong' }];
  assert.deepEqual(problemIn('/spec', { code: 'bad_bytes', detail: '/a: is wrong', errors }), {
    code: 'bad_bytes',
    detail: '/spec/a: is wrong',
    errors: [{ pointer: '/spec/a', detail: 'is wrong' }],
  });
  const plain = { code: 'internal', detail: 'a defect' } as const;
  assert.equal(problemIn('/spec', plain), plain);
});
