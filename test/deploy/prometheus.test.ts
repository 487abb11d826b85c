/** Prometheus itself on what deploy/ gives it: rules that are checked and unit-tested by promtool, and a scrape of a running service. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { METRICS } from '../../src/metrics/table.ts';
import { startServer } from '../support/process.ts';

const FOLDER = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url));
const available = ['promtool', 'prometheus'].every((name) => spawnSync(name, ['--version']).status === 0);
const SCRAPE_TRIES = 100;
const TRY_MS = 200;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A Prometheus that scrapes the admin port; its URL. */
async function startPrometheus(t: TestContext, target: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-prometheus-'));
  const port = await freePort();
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: waggle, static_configs: [{ targets: ['${target}'] }] }]\n`,
  );
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  t.after(async () => {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    rmSync(folder, { recursive: true, force: true });
  });
  return `http://127.0.0.1:${port}`;
}

/** A request that succeeds, and where it says that its answer stands. */
async function send(api: string, method: string, path: string, body: unknown): Promise<{ location: string | null }> {
  const answer = await fetch(api + path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, await answer.text());
  return { location: answer.headers.get('location') };
}

/** Asks until there is an answer with elements. */
async function query(
  prometheus: string,
  expression: string,
): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
  for (let tries = 0; tries < SCRAPE_TRIES; tries++) {
    const answer = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`).catch(() => null);
    const body = (await answer?.json().catch(() => null)) as { data?: { result: never[] } } | null | undefined;
    if ((body?.data?.result.length ?? 0) > 0) return body!.data!.result;
    await delay(TRY_MS);
  }
  throw new Error(`Prometheus has nothing for ${expression}`);
}

describe('Prometheus', { skip: available ? false : 'skipped: promtool and prometheus are not installed' }, () => {
  test('promtool accepts the rules, and their unit tests pass', () => {
    for (const args of [
      ['check', 'rules', 'alerts.yml'],
      ['test', 'rules', 'alerts.test.yml'],
      ['check', 'config', '--syntax-only', 'prometheus.yml'],
    ]) {
      const done = spawnSync('promtool', args, { cwd: FOLDER, encoding: 'utf8' });
      assert.equal(done.status, 0, `promtool ${args.join(' ')}\n${done.stdout}${done.stderr}`);
    }
  });

  test('a real Prometheus scrapes a running service: every metric arrives', async (t) => {
    const service = await startServer(t, { command: process.execPath, arguments: ['src/server.ts'] });
    const prometheus = await startPrometheus(t, new URL(service.admin).host);
    const [up] = await query(prometheus, 'up{job="waggle"} == 1');
    assert.equal(up?.value[1], '1');
    for (const [name, row] of Object.entries(METRICS)) {
      const series = await query(prometheus, `waggle_${name}${row.type === 'histogram' ? '_count' : ''}`);
      assert.ok(series.length > 0, name);
    }
    // What happens on a sandbox arrives too.
    const { location } = await send(service.api, 'POST', '/v1/sandboxes', {
      programs: [{ name: 'pass', type: 'xdp', asm: 'r0 = 2\nexit' }],
      maps: [{ name: 'chain', type: 'prog_array', maxEntries: 1 }],
    });
    await send(service.api, 'PUT', `${location}/maps/chain/slots/0`, { program: 'pass' });
    for (const series of ['waggle_slot_updates_total{result="stored"} == 1', 'waggle_sandboxes{state="idle"} == 1']) {
      const [row] = await query(prometheus, series);
      assert.equal(row?.value[1], '1', series);
    }
  });
});
