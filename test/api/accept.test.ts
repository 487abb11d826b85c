import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preferredType } from '../../src/api/accept.ts';

const OFFERED = ['application/json', 'text/plain', 'text/vnd.graphviz'] as const;

const ROWS: readonly (readonly [accept: string | undefined, type: (typeof OFFERED)[number]])[] = [
  [undefined, 'application/json'],
  ['', 'application/json'],
  ['*/*', 'application/json'],
  ['text/plain', 'text/plain'],
  ['TEXT/Plain', 'text/plain'],
  ['text/*', 'text/plain'],
  ['text/*, text/vnd.graphviz', 'text/plain'],
  ['text/*;q=0.5, text/vnd.graphviz', 'text/vnd.graphviz'],
  ['application/json;q=0.2, text/plain;q=0.3', 'text/plain'],
  ['text/plain;q=0, */*', 'application/json'],
  ['application/json;q=0, text/*', 'text/plain'],
  ['*/*;q=0.1, text/vnd.graphviz ; q=1.0', 'text/vnd.graphviz'],
  ['image/png', 'application/json'],
  ['text/plain;q=2', 'application/json'],
  [`${'a/b,'.repeat(10_000)}text/plain`, 'application/json'],
];

for (const [accept, type] of ROWS) {
  test(`Accept: ${accept?.slice(0, 60)} gets ${type}`, () => {
    assert.equal(preferredType(accept, OFFERED), type);
  });
}
