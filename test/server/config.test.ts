import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { ConfigError, readConfig } from '../../src/config.ts';
import { LIMIT_NAMES, LIMITS, limitsWith, limitVariable } from '../../src/contract/limits.ts';

test('an empty environment gives the defaults, frozen', () => {
  const config = readConfig({});
  assert.deepEqual(config, {
    host: '127.0.0.1',
    port: 8080,
    adminPort: 9464,
    dataDir: './data',
    workers: availableParallelism(),
    apiKeys: [],
    allowedOrigins: [],
    logLevel: 'info',
    limits: limitsWith(),
    unknownVariables: [],
  });
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.limits));
});

test('every limit is set by its variable', () => {
  for (const name of LIMIT_NAMES) {
    const { default: usual, most } = LIMITS[name];
    // A little more or less of one time leaves the order of all of them as it is.
    const value = usual === 0 ? most : usual === most ? usual - 1 : usual + 1;
    assert.deepEqual(readConfig({ [limitVariable(name)]: String(value) }).limits, limitsWith({ [name]: value }), name);
  }
});

test('values arrive; empty means not set; unknown names are told', () => {
  const config = readConfig({
    WAGGLE_WORKERS: '3',
    WAGGLE_PORT: '',
    WAGGLE_ALLOWED_ORIGINS: 'https://a.example, http://b:1',
    WAGGLE_MAX_WALMS: '1',
  });
  assert.equal(config.workers, 3);
  assert.equal(config.port, 8080);
  assert.deepEqual(config.allowedOrigins, ['https://a.example', 'http://b:1']);
  assert.deepEqual(config.unknownVariables, ['WAGGLE_MAX_WALMS']);
});

test('another host needs an explicit word; ports may both be free', () => {
  assert.equal(readConfig({ WAGGLE_HOST: '0.0.0.0', WAGGLE_ALLOW_ANONYMOUS: '1' }).host, '0.0.0.0');
  assert.equal(readConfig({ WAGGLE_PORT: '0', WAGGLE_ADMIN_PORT: '0' }).port, 0);
});

test('a wrong value names its variable', () => {
  for (const [name, value] of [
    ['WAGGLE_PORT', '80x'],
    ['WAGGLE_PORT', '65536'],
    ['WAGGLE_PORT', '9464'],
    ['WAGGLE_WORKERS', '0'],
    ['WAGGLE_LOG_LEVEL', 'loud'],
    ['WAGGLE_ALLOW_ANONYMOUS', 'yes'],
    ['WAGGLE_HOST', '0.0.0.0'],
    ['WAGGLE_API_KEYS', 'id.secret'],
    ['WAGGLE_ALLOWED_ORIGINS', 'example.org'],
    ['WAGGLE_ALLOWED_ORIGINS', 'https://example.org/path'],
    ['WAGGLE_MAX_WALL_MS', '0'],
    ['WAGGLE_MAX_WALL_MS', '99999999999'],
    ['WAGGLE_QUEUE_LIMIT', '-1'],
  ] as const) {
    // Of two equal ports the admin port is named.
    const named = value === '9464' ? 'WAGGLE_ADMIN_PORT' : name;
    assert.throws(
      () => readConfig({ [name]: value }),
      (error: unknown) => error instanceof ConfigError && error.message.startsWith(named),
      `${name}=${value}`,
    );
  }
});
