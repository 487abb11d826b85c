import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { LIMIT_NAMES, LIMITS, limitsWith, limitVariable } from '../../src/contract/limits.ts';
import { OUTCOME_KINDS, OUTCOMES, type OutcomeCode, outcome } from '../../src/contract/outcome.ts';
import { PROBLEMS, type ProblemCode } from '../../src/contract/problem.ts';
import { problemDocument } from '../../src/contract/problem-document.ts';
import { CLOSE_CODES } from '../../src/contract/trace.ts';
import { VERSION } from '../../src/contract/version.ts';

test('the version is that of the package', async () => {
  const file = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  assert.equal(VERSION, JSON.parse(file).version);
});

test('every limit has its own variable, and a default within its bounds', () => {
  assert.equal(limitVariable('maxWallMs'), 'WAGGLE_MAX_WALL_MS');
  assert.equal(limitVariable('queueLimit'), 'WAGGLE_QUEUE_LIMIT');
  assert.equal(new Set(LIMIT_NAMES.map(limitVariable)).size, LIMIT_NAMES.length);
  for (const name of LIMIT_NAMES) {
    const { default: value, least = 1, most }: { default: number; least?: number; most: number } = LIMITS[name];
    assert.ok(value >= least && value <= most, name);
  }
  assert.equal(limitsWith({ maxWallMs: 5 }).maxWallMs, 5);
  assert.equal(limitsWith().maxWallMs, LIMITS.maxWallMs.default);
});

test('every outcome has a kind, every problem an HTTP error status', () => {
  for (const code of Object.keys(OUTCOMES) as OutcomeCode[]) assert.ok(OUTCOME_KINDS.includes(outcome(code).kind));
  for (const row of Object.values(PROBLEMS)) assert.ok(row.status >= 400 && row.status < 600);
});

test('a problem document has what its problem has, and no empty members', () => {
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    const bare = problemDocument({ code, detail: 'd' }, 'id');
    assert.deepEqual(Object.keys(bare), ['type', 'title', 'status', 'detail', 'code', 'requestId', 'retryable']);
    const full = problemDocument(
      { code, detail: 'd', errno: 'EINVAL', limit: 'l', errors: [{ pointer: '/a', detail: 'x' }] },
      'id',
    );
    assert.deepEqual([full.errno, full.limit, full.errors], ['EINVAL', 'l', [{ pointer: '/a', detail: 'x' }]]);
  }
});

test('close codes differ and are codes that a peer may send', () => {
  const codes = Object.values(CLOSE_CODES);
  assert.equal(new Set(codes).size, codes.length);
  for (const code of codes) assert.ok((code >= 1000 && code <= 1013) || (code >= 4000 && code < 5000));
});
