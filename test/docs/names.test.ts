/** What the pages name exists: variables, metrics, limits of the configuration, problem codes, alerts. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Settings } from '../../src/config.ts';
import { LIMIT_NAMES, limitVariable } from '../../src/contract/limits.ts';
import { PROBLEMS } from '../../src/contract/problem.ts';
import { METRICS } from '../../src/metrics/table.ts';

const PAGES = ['README.md', ...globSync('docs/*.md')];
const SUFFIX = /_(?:bucket|count|sum)$/;

const VARIABLES = [...Object.keys(Settings.properties), ...LIMIT_NAMES.map(limitVariable)];
const METRIC_NAMES = Object.keys(METRICS).map((name) => `waggle_${name}`);

const ROWS: readonly {
  readonly what: string;
  readonly pattern: RegExp;
  readonly exists: (name: string) => boolean;
}[] = [
  { what: 'variable', pattern: /\b(WAGGLE_\w+)/g, exists: (name) => VARIABLES.includes(name) },
  {
    what: 'metric',
    pattern: /\b(waggle_[a-z_]+[a-z])\b/g,
    exists: (name) => METRIC_NAMES.includes(name) || METRIC_NAMES.includes(name.replace(SUFFIX, '')),
  },
  { what: 'limit', pattern: /`(max[A-Z]\w*)`/g, exists: (name) => (LIMIT_NAMES as string[]).includes(name) },
  {
    what: 'problem code',
    pattern: /\b(?:400|401|403|404|405|408|409|410|413|415|422|429|431|500|501|503) `([a-z]+(?:_[a-z]+)*)`/g,
    exists: (name) => name in PROBLEMS,
  },
];

for (const { what, pattern, exists } of ROWS) {
  test(`every ${what} that the pages name exists`, () => {
    const found = PAGES.flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(pattern)].map(([, name]) => ({ page, name: name! })),
    );
    assert.ok(found.length > 0);
    assert.deepEqual(
      found.filter(({ name }) => !exists(name)),
      [],
    );
  });
}

test('operations.md says what to do for each alert', () => {
  const alerts = [...readFileSync('deploy/prometheus/alerts.yml', 'utf8').matchAll(/- alert: (\w+)/g)];
  const headings = [...readFileSync('docs/operations.md', 'utf8').matchAll(/^### (\w+)$/gm)];
  const names = (matches: readonly RegExpMatchArray[]) => matches.map(([, name]) => name!).sort();
  assert.deepEqual(names(headings), names(alerts));
});
