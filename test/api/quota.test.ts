import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Quota } from '../../src/api/quota.ts';
import { MAX_BUCKETS, Quotas } from '../../src/api/quotas.ts';
import { limitsWith } from '../../src/contract/limits.ts';

/** A clock that stands until it is moved. */
function clock() {
  const time = { ms: 1_000_000 };
  const pass = (seconds: number): void => {
    time.ms += seconds * 1000;
  };
  return { now: () => time.ms, pass };
}

test('a quota is saved up to its size, fills in a minute, and may be owed', () => {
  const { now, pass } = clock();
  const quota = new Quota(120, now());
  quota.spend(100, now());
  assert.equal(quota.left(now()), 20);
  pass(10);
  assert.equal(quota.left(now()), 40);
  quota.spend(400, now());
  assert.equal(quota.left(now()), -360);
  assert.equal(quota.secondsUntil(1, now()), 181);
  pass(181);
  assert.ok(quota.left(now()) >= 1);
  pass(3600);
  assert.equal(quota.left(now()), 120);
  assert.equal(quota.secondsUntil(1000, now()), 1);
});

test('who waits as long as he is told is let in, and nobody gets more than two quotas into a minute', () => {
  const step = fc.record({
    seconds: fc.double({ min: 0, max: 20, noNaN: true }),
    requests: fc.integer({ min: 0, max: 30 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.array(step, { maxLength: 40 }), (size, steps) => {
      const { now, pass } = clock();
      const quotas = new Quotas(limitsWith({ maxRequestsPerMinute: size }), now);
      const taken: number[] = [];
      for (const { seconds, requests } of steps) {
        pass(seconds);
        for (let n = 0; n < requests; n += 1) if (quotas.admit('a', 'read').refusal === null) taken.push(now());
        const { refusal } = quotas.admit('a', 'read');
        if (refusal === null) {
          taken.push(now());
          continue;
        }
        pass(refusal.problem.retryAfterSeconds!);
        assert.equal(quotas.admit('a', 'read').refusal, null);
        taken.push(now());
      }
      for (const from of taken) {
        const within = taken.filter((at) => at >= from && at < from + 60_000).length;
        assert.ok(within <= 2 * size, `${within} of ${size}`);
      }
    }),
  );
});

test('headers say the policies and where a client stands, as the draft has it', () => {
  const { now, pass } = clock();
  const quotas = new Quotas(limitsWith({ maxRequestsPerMinute: 3, maxInstructionsPerMinute: 6_000 }), now);
  const policy = '"requests";q=3;w=60, "instructions";q=6000;w=60;waggle-unit="instructions"';
  assert.deepEqual(quotas.admit('a', 'work').headers, {
    'ratelimit-policy': policy,
    ratelimit: '"requests";r=2;t=20, "instructions";r=6000;t=1',
  });
  quotas.charge('a', 6_500);
  assert.equal(quotas.admit('a', 'read').headers.ratelimit, '"requests";r=1;t=40, "instructions";r=0;t=6');
  const refused = quotas.admit('a', 'work');
  assert.deepEqual(refused.refusal?.problem, {
    code: 'rate_limited',
    detail:
      'This client may have 6000 instructions executed a minute (limit maxInstructionsPerMinute) and owes 500; ' +
      'what executes nothing is still answered, the rest again in 6 s.',
    limit: 'maxInstructionsPerMinute',
    retryAfterSeconds: 6,
  });
  assert.equal(quotas.admit('a', 'read').refusal, null);
  const { headers, refusal } = quotas.admit('a', 'read');
  assert.equal(headers.ratelimit, '"requests";r=0;t=20, "instructions";r=0;t=6');
  assert.equal(refusal?.policy, 'requests');
  assert.equal(refusal?.problem.limit, 'maxRequestsPerMinute');
  assert.match(refusal?.problem.detail ?? '', /3 requests a minute \(limit maxRequestsPerMinute\); ask again in 20 s/);
  pass(20);
  assert.equal(quotas.admit('a', 'work').refusal, null);
});

test('without limits nothing is counted, and with one only that is said', () => {
  const { now } = clock();
  const none = new Quotas(limitsWith(), now);
  none.charge('a', 1e12);
  assert.deepEqual(none.admit('a', 'work'), { headers: {}, refusal: null });
  assert.equal(none.size, 0);
  const one = new Quotas(limitsWith({ maxInstructionsPerMinute: 10 }), now);
  assert.equal(one.admit('a', 'work').headers.ratelimit, '"instructions";r=10;t=1');
});

test('buckets do not know of each other, and are bounded in number', () => {
  const { now } = clock();
  const quotas = new Quotas(limitsWith({ maxRequestsPerMinute: 1 }), now);
  const refused = (name: string): boolean => quotas.admit(name, 'read').refusal !== null;
  assert.deepEqual([refused('a'), refused('b'), refused('a'), refused('b')], [false, false, true, true]);
  for (let n = 0; n < MAX_BUCKETS - 2; n += 1) refused(`bucket${n}`);
  assert.deepEqual([quotas.size, refused('a'), refused('b')], [MAX_BUCKETS, true, true]);
  refused('one more');
  refused('and another');
  assert.deepEqual([quotas.size, refused('b'), refused('bucket0')], [MAX_BUCKETS, true, false]);
});
