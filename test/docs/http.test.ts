/** docs/http.md has a row for each route that there is, and for no other. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { build } from '../support/service.ts';

/** A socket is no operation of OpenAPI 3.1. */
const SOCKET = 'GET /v1/traces';

test('the reference has every route', async (t) => {
  const { api } = await build(t, { worker: null });
  const { paths } = (await api.inject('/openapi.json')).json() as { paths: Record<string, Record<string, unknown>> };
  const served = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const page = readFileSync('docs/http.md', 'utf8');
  const described = [...page.matchAll(/^\| `((?:GET|POST|PUT|PATCH|DELETE) \/[^`?]+)` +\|/gm)].map(
    ([, route]) => route!,
  );
  assert.deepEqual([...described].sort(), [...new Set([...served, SOCKET])].sort());
});
