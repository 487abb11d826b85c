import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../src/contract/limits.ts';
import { OUTCOMES } from '../../src/contract/outcome.ts';
import { PROBLEMS } from '../../src/contract/problem.ts';
import { MAP_TYPES } from '../../src/spec/maps.ts';
import { PROGRAM_TYPES } from '../../src/spec/programs.ts';
import { build } from '../support/service.ts';

test('/v1/limits shows every limit with the value in force', async (t) => {
  const { api } = await build(t, { limits: { maxWallMs: 1234 } });
  const rows = (await api.inject('/v1/limits')).json();
  assert.deepEqual(
    rows.map((row: { name: string }) => row.name),
    Object.keys(LIMITS),
  );
  const wall = rows.find((row: { name: string }) => row.name === 'maxWallMs');
  assert.deepEqual([wall.value, wall.default, wall.unit, wall.variable], [1234, 60_000, 'ms', 'WAGGLE_MAX_WALL_MS']);
});

test('/v1/outcomes shows every outcome and every problem', async (t) => {
  const { api } = await build(t);
  const { outcomes, problems } = (await api.inject('/v1/outcomes')).json();
  assert.deepEqual(
    outcomes.map((row: { code: string }) => row.code),
    Object.keys(OUTCOMES),
  );
  assert.deepEqual(
    problems.map((row: { code: string }) => row.code),
    Object.keys(PROBLEMS),
  );
});

test('/v1/info shows what there is and what is to come', async (t) => {
  const { api } = await build(t);
  const info = (await api.inject('/v1/info')).json();
  assert.deepEqual(info.profiles, ['linux-6.18']);
  assert.deepEqual(
    info.programTypes.map((row: { name: string }) => row.name),
    Object.keys(PROGRAM_TYPES),
  );
  assert.deepEqual(
    info.mapTypes.map((row: { name: string }) => row.name),
    Object.keys(MAP_TYPES),
  );
  assert.deepEqual(info.notImplemented.resources, ['/v1/inputs']);
});

test('/docs is a page that brings all it needs along', async (t) => {
  const { api } = await build(t);
  const page = await api.inject('/docs');
  assert.equal(page.statusCode, 200);
  assert.match(String(page.headers['content-type']), /text\/html/);
  assert.doesNotMatch(page.body, /(?:src|href)="https?:/);
  assert.match(String(page.headers['content-security-policy']), /script-src 'self'/);
});
