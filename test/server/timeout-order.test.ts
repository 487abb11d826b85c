import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, readConfig } from '../../src/config.ts';
import { type LimitName, limitsWith, limitVariable } from '../../src/contract/limits.ts';
import { TIMEOUT_ORDER, timeoutFault } from '../../src/contract/timeout-order.ts';

test('the defaults are in order', () => {
  assert.equal(timeoutFault(limitsWith()), null);
});

test('each row of the order is refused at start by both names, and its sum is enough', () => {
  for (const { inner, outer, why } of TIMEOUT_ORDER) {
    const sum = inner.reduce((total, name) => total + limitsWith()[name], 0);
    // Everything further out gives way, so that only this row can be wrong.
    const roomy: Partial<Record<LimitName, number>> = { maxTraceSessionMs: 86_400_000 };
    const environment = (value: number) =>
      Object.fromEntries(
        Object.entries({ ...roomy, [outer]: value }).map(([name, one]) => [
          limitVariable(name as LimitName),
          String(one),
        ]),
      );
    assert.throws(
      () => readConfig(environment(sum - 1)),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.ok(error.message.startsWith(`${limitVariable(outer)}: ${sum - 1} ms are less than `), error.message);
        for (const name of inner) assert.ok(error.message.includes(limitVariable(name)), name);
        assert.ok(error.message.includes(why) && error.message.includes(`to ${sum} at least`));
        return true;
      },
      outer,
    );
    assert.equal(readConfig(environment(sum)).limits[outer], sum);
  }
});

test('a longer wall budget alone does not start', () => {
  assert.throws(
    () => readConfig({ WAGGLE_MAX_WALL_MS: '600000' }),
    /^ConfigError: WAGGLE_MAX_HANDLER_MS: .*WAGGLE_MAX_WALL_MS/,
  );
  const raised = readConfig({ WAGGLE_MAX_WALL_MS: '600000', WAGGLE_MAX_HANDLER_MS: '700000' });
  assert.equal(raised.limits.maxWallMs, 600_000);
});
