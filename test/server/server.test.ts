import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { NO_ENGINE } from '../support/engine.ts';
import { postRun, startServer, untilBusy } from '../support/process.ts';

const SERVER = { command: process.execPath, arguments: ['src/server.ts'] };

test('it says where it listens, and how to try it; SIGTERM ends it with 0', async (t) => {
  const server = await startServer(t, SERVER);
  assert.equal((await fetch(`${server.api}/livez`)).status, 200);
  assert.match(await (await fetch(`${server.admin}/metrics`)).text(), /waggle_build_info\{version="/);
  assert.equal((await fetch(`${server.api}/metrics`)).status, 404);
  const ready = server.lines.find((line) => line.msg === 'ready');
  assert.equal(typeof ready?.startupMs, 'number');
  server.child.kill('SIGTERM');
  assert.equal(await server.exited, 0);
  const greeting = server.greeting();
  for (const part of [`${server.api}/docs`, `${server.admin}/metrics`, 'ms', `curl -s ${server.api}/v1/runs`])
    assert.ok(greeting.includes(part), part);
});

test('SIGTERM during a run: the run is answered, new ones are refused, exit 0', { skip: NO_ENGINE }, async (t) => {
  const server = await startServer(t, SERVER);
  const answer = postRun(server.api, {
    programs: [{ name: 'spin', type: 'xdp', asm: 'r0 = 0\nloop:\nr0 += 1\nif r0 != 0 goto loop\nexit' }],
    entry: 'spin',
    input: { packet: { hex: '00'.repeat(64) } },
    verify: 'off',
    budgets: { instructions: 1e10, wallMs: 1000 },
  });
  await untilBusy(server.admin);
  server.child.kill('SIGTERM');
  const response = await answer;
  assert.equal(response.status, 200);
  const result = (await response.json()) as { outcome: { code: string } };
  assert.equal(result.outcome.code, 'wall_budget');
  assert.equal(await server.exited, 0);
  const runs = server.lines.filter((line) => line.msg === 'run');
  assert.equal(runs.length, 1);
  assert.equal(runs[0]?.outcome, 'wall_budget');
});

test('a data folder that cannot be written, or is in use, stops the start and its variable is named', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-data-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await assert.rejects(
    startServer(t, { ...SERVER, environment: { WAGGLE_DATA_DIR: join(file, 'data') } }),
    /ended with 1: waggle: WAGGLE_DATA_DIR: .*file\/data cannot be written \(ENOTDIR\)/,
  );
  const environment = { WAGGLE_DATA_DIR: join(folder, 'new', 'data') };
  const first = await startServer(t, { ...SERVER, environment });
  await assert.rejects(
    startServer(t, { ...SERVER, environment }),
    /ended with 1: waggle: WAGGLE_DATA_DIR: .*data is in use by another Waggle/,
  );
  // However the process ends, its lock goes with it.
  first.child.kill('SIGKILL');
  await first.exited;
  const { api } = await startServer(t, { ...SERVER, environment });
  assert.equal((await fetch(`${api}/livez`)).status, 200);
});

test('a wrong variable stops the start and is named', () => {
  const environment = { ...process.env, WAGGLE_WORKERS: 'many' };
  const { status, stderr, stdout } = spawnSync(process.execPath, ['src/server.ts'], {
    cwd: new URL('../..', import.meta.url),
    env: environment,
  });
  assert.equal(status, 1);
  assert.match(stderr.toString(), /^waggle: WAGGLE_WORKERS /);
  assert.equal(stdout.toString(), '');
});

test('a port that is taken stops the start', async (t) => {
  const { api } = await startServer(t, SERVER);
  await assert.rejects(startServer(t, { ...SERVER, environment: { WAGGLE_PORT: new URL(api).port } }), /EADDRINUSE/);
});
