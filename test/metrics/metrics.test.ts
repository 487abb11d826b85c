import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeRun } from '../../src/api/decode-run.ts';
import { limitsWith } from '../../src/contract/limits.ts';
import { OUTCOMES, outcome } from '../../src/contract/outcome.ts';
import type { RunResult } from '../../src/contract/result.ts';
import { NOTHING_OBSERVED, unrunResult } from '../../src/contract/unrun-result.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { METRICS } from '../../src/metrics/table.ts';

const GAUGES = { threads: 2, busy: 1, queued: 3, oldestSeconds: 0.5, sandboxes: { idle: 0, running: 0, stored: 0 } };
const spec = decodeRun({ entry: 'e', budgets: { tailCalls: 40 } }, limitsWith(), 0, 'test');

function result(changes: Partial<RunResult>): RunResult {
  return { ...unrunResult('id', spec, 'exit', 1000), runKey: 'sha256:x', ...changes };
}

async function lines(metrics: Metrics): Promise<string[]> {
  return (await metrics.scrape(GAUGES)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('every metric of the table is there from the start, every outcome at 0', async () => {
  const text = await new Metrics().scrape(GAUGES);
  for (const [name, { type }] of Object.entries(METRICS))
    assert.match(text, new RegExp(`# TYPE waggle_${name} ${type}\n`), name);
  for (const code of Object.keys(OUTCOMES))
    assert.match(text, new RegExp(`waggle_runs_total\\{outcome="${code}",mode="request"\\} 0\n`));
  assert.match(text, /waggle_pool_queue_size 3\n/);
});

test('a run is observed in every counter of its result', async () => {
  const metrics = new Metrics();
  metrics.observeRun(
    result({
      outcome: outcome('oob_read'),
      counters: {
        instructions: '104',
        programs: 34,
        tailCalls: 33,
        tailCallMisses: { index: 1, empty: 2, limit: 3 },
        chainDepth: 33,
        helperCalls: 2,
        mapOps: 0,
        prints: 0,
      },
    }),
    {
      chainDepths: [1, ...Array(31).fill(0), 0, 2],
      helperCalls: { ktime_get_ns: 2, no_such_helper: 1 },
      verifierRule: 'no_such_rule',
    },
    'trace',
  );
  const seen = await lines(metrics);
  for (const line of [
    'waggle_runs_total{outcome="oob_read",mode="trace"} 1',
    'waggle_faults_total{code="oob_read"} 1',
    'waggle_tail_calls_total{result="taken"} 33',
    'waggle_tail_calls_total{result="index"} 1',
    'waggle_tail_calls_total{result="empty"} 2',
    'waggle_tail_calls_total{result="limit"} 3',
    'waggle_instructions_total 104',
    'waggle_chain_depth_bucket{le="0"} 1',
    'waggle_chain_depth_bucket{le="32"} 1',
    'waggle_chain_depth_bucket{le="33"} 3',
    'waggle_helper_calls_total{helper="ktime_get_ns"} 2',
    'waggle_helper_calls_total{helper="other"} 1',
    'waggle_verifier_rejections_total{rule="other"} 1',
    'waggle_cache_requests_total{cache="programs",result="miss"} 1',
  ]) {
    assert.ok(seen.includes(line), line);
  }
});

test('nothing that is observed makes a series', async () => {
  const metrics = new Metrics();
  metrics.addRoutes([{ method: 'GET', route: '/a' }]);
  const before = (await lines(metrics)).length;
  metrics.observeRun(result({ outcome: outcome('internal'), runKey: null }), NOTHING_OBSERVED, 'request');
  metrics.observeRequest('GET', '/a', 200, 0.1);
  metrics.observeRequest('GET', '/b', 404, 0.1);
  metrics.observeRequest('BREW', undefined, 418, 0.1);
  metrics.observeRequest('GET', '/a', 101, 0.1);
  metrics.traceOpened();
  metrics.traceSent(10);
  metrics.traceSteps(512);
  metrics.traceClosed(4999);
  metrics.waited(0.1);
  metrics.recycled('worker_lost');
  metrics.probed(true);
  const after = await lines(metrics);
  assert.equal(after.length, before);
  assert.ok(after.includes('waggle_trace_closes_total{code="other"} 1'));
  assert.ok(after.includes('waggle_trace_steps_total 512'));
  assert.ok(
    after.includes('waggle_http_request_duration_seconds_count{method="other",route="unmatched",status="4xx"} 2'),
  );
});

test('two apps have two registries', async () => {
  const [one, other] = [new Metrics(), new Metrics()];
  one.probed(true);
  assert.ok((await lines(one)).includes('waggle_probe_runs_total{result="passed"} 1'));
  assert.ok((await lines(other)).includes('waggle_probe_runs_total{result="passed"} 0'));
});
