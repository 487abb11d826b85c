/** What deploy/ asks Prometheus for exists: a dashboard or an alert on a metric that nobody exports would be silent for ever. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { METRICS } from '../../src/metrics/table.ts';

const SUFFIXES = { counter: [''], gauge: [''], histogram: ['_bucket', '_count', '_sum'] } as const;

const NAMES = new Set(
  Object.entries(METRICS).flatMap(([name, row]) => SUFFIXES[row.type].map((suffix) => `waggle_${name}${suffix}`)),
);

/** Labels that Prometheus adds, and those of histograms. */
const COMMON_LABELS = ['job', 'instance', 'le'];

function labelsOf(metric: string): readonly string[] {
  const name = metric.replace(/^waggle_/, '').replace(/_(bucket|count|sum)$/, '');
  const row = Object.entries(METRICS).find(([one]) => one === name || `waggle_${one}` === metric)?.[1];
  return row !== undefined && 'labels' in row ? Object.keys(row.labels) : [];
}

/** Each metric of an expression with the label matchers behind it. */
function metricsIn(text: string): { name: string; labels: string[]; values: Map<string, string> }[] {
  return [...text.matchAll(/\b(waggle_[a-z_]+)(?:\{([^}]*)\})?/g)].map(([, name, matchers = '']) => {
    const parts = [...matchers.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*\\?"([^"\\]*)\\?"/g)];
    return {
      name: name!,
      labels: parts.map((part) => part[1]!),
      values: new Map(parts.map((part) => [part[1]!, part[2]!])),
    };
  });
}

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

const read = (path: string): string => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');
const { panels } = JSON.parse(read('grafana/dashboards/waggle.json')) as { panels: readonly Panel[] };

const SOURCES: readonly { readonly where: string; readonly text: string }[] = [
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ where: `panel '${title}'`, text: expr }))),
  { where: 'alerts.yml', text: read('prometheus/alerts.yml') },
  { where: 'alerts.test.yml', text: read('prometheus/alerts.test.yml') },
];

for (const { where, text } of SOURCES) {
  test(`${where} names metrics, labels and values that exist`, () => {
    const found = metricsIn(text);
    assert.ok(found.length > 0, 'no metric at all');
    for (const { name, labels, values } of found) {
      assert.ok(NAMES.has(name), `${name} is no metric`);
      const known = [...labelsOf(name), ...COMMON_LABELS];
      for (const label of labels) assert.ok(known.includes(label), `${name} has no label ${label}`);
      const row = METRICS[name.replace(/^waggle_/, '').replace(/_(bucket|count|sum)$/, '') as keyof typeof METRICS];
      const closed: Readonly<Record<string, readonly string[] | null>> =
        row !== undefined && 'labels' in row ? row.labels : {};
      for (const [label, value] of values) {
        const set = closed[label];
        if (set === undefined || set === null) continue;
        for (const one of value.split('|')) assert.ok(set.includes(one), `${name}: ${label} is never ${one}`);
      }
    }
  });
}

test('every label that a panel groups by exists', () => {
  for (const { where, text } of SOURCES) {
    const [first] = metricsIn(text);
    for (const [, list] of text.matchAll(/\bby \(([^)]*)\) \((?:(?:rate|increase)\()?waggle/g)) {
      const known = [...labelsOf(first!.name), ...COMMON_LABELS];
      if (where.startsWith('panel'))
        for (const label of list!.split(',')) assert.ok(known.includes(label.trim()), `${where}: ${label}`);
    }
  }
});

test('a name that does not exist is noticed', () => {
  assert.deepEqual(
    metricsIn('rate(waggle_no_such_total{outcome="exit", mode=~"a|b"}[5m])').map(({ name, labels }) => [name, labels]),
    [['waggle_no_such_total', ['outcome', 'mode']]],
  );
  assert.ok(!NAMES.has('waggle_no_such_total'));
  assert.ok(!NAMES.has('waggle_chain_depth'));
});

test('every alert has a unit test in which it is raised', () => {
  const alerts = [...read('prometheus/alerts.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
  assert.ok(alerts.length > 0);
  const tests = read('prometheus/alerts.test.yml');
  for (const alert of alerts) {
    assert.match(tests, new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:`), alert);
  }
});
