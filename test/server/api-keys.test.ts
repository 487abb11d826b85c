import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { MAX_API_KEYS, MAX_SECRET_LENGTH, MIN_SECRET_LENGTH, readApiKeys } from '../../src/api-keys.ts';
import { ConfigError, readConfig } from '../../src/config.ts';

const SECRET = 'a'.repeat(MIN_SECRET_LENGTH);
const OTHER = `Z-._~+/${'9'.repeat(MIN_SECRET_LENGTH)}==`;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('a list of keys holds hashes, whichever way a secret is given', () => {
  const keys = readApiKeys(` ci:${SECRET}, web-1:sha256=${sha256(OTHER).toUpperCase()} ,ci:${OTHER},`);
  assert.deepEqual(
    keys.map(({ id, hashes }) => ({ id, hashes: hashes.map((hash) => Buffer.from(hash).toString('hex')) })),
    [
      { id: 'ci', hashes: [sha256(SECRET), sha256(OTHER)] },
      { id: 'web-1', hashes: [sha256(OTHER)] },
    ],
  );
  assert.deepEqual(readApiKeys(''), []);
});

const REFUSED: readonly (readonly [list: string, message: RegExp])[] = [
  ['alone', /key 1 of 1 has no colon/],
  [`ci:${SECRET},alone`, /key 2 of 2 has no colon/],
  [`:${SECRET}`, /key 1 of 1 needs an id/],
  [`a.b:${SECRET}`, /key 1 of 1 needs an id/],
  [`${'i'.repeat(65)}:${SECRET}`, /key 1 of 1 needs an id/],
  [`anonymous:${SECRET}`, /\(id anonymous\): this name stands for everybody/],
  ['ci:', /\(id ci\): the secret has 0 characters; it needs 32 to 256/],
  [`ci:${SECRET.slice(1)}`, /\(id ci\): the secret has 31 characters/],
  [`ci:${'a'.repeat(MAX_SECRET_LENGTH + 1)}`, /\(id ci\): the secret has 257 characters/],
  [`ci:${SECRET} x`, /\(id ci\): a secret is made of/],
  [`ci:=${SECRET}`, /\(id ci\): a secret is made of/],
  ['ci:sha256=abc', /\(id ci\): behind sha256= must stand 64 hex digits/],
  [`ci:${SECRET},ci:${SECRET}1,ci:${SECRET}2`, /the id ci stands more than 2 times/],
  [Array.from({ length: MAX_API_KEYS + 1 }, (_, n) => `k${n}:${SECRET}`).join(), /1001 keys are more than 1000/],
];

test('a wrong list stops the start, and what it says holds no secret', () => {
  for (const [list, message] of REFUSED) {
    assert.throws(
      () => readConfig({ WAGGLE_API_KEYS: list }),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /^WAGGLE_API_KEYS: /);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /aaaaa/);
        return true;
      },
      list.slice(0, 80),
    );
  }
});

test('with keys every address may be served, and no secret is in the configuration', () => {
  const config = readConfig({ WAGGLE_API_KEYS: `ci:${SECRET}`, WAGGLE_HOST: '0.0.0.0' });
  assert.equal(config.host, '0.0.0.0');
  assert.deepEqual(
    config.apiKeys.map(({ id }) => id),
    ['ci'],
  );
  assert.ok(!JSON.stringify(config).includes(SECRET));
});
