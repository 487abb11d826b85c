/** docs/configuration.md is what the schema says today. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Settings } from '../../src/config.ts';
import { LIMIT_NAMES, limitVariable } from '../../src/contract/limits.ts';
import { configurationPage } from './configuration-page.ts';

const PAGE = 'docs/configuration.md';

test('the page of the configuration is not stale', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), configurationPage(), `${PAGE} is stale: npm run generate:docs writes it`);
});

test('the page has a row for each variable', () => {
  const rows = new Set(
    [...readFileSync(PAGE, 'utf8').matchAll(/^\| `(WAGGLE_\w+)` +\|.*\S +\|$/gm)].map(([, name]) => name),
  );
  for (const name of [...Object.keys(Settings.properties), ...LIMIT_NAMES.map(limitVariable)]) {
    assert.ok(rows.has(name), `${PAGE} has no row for ${name}`);
  }
});
