import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CLIENT_TYPES_FILE, clientTypes } from '../../tools/client-types/client-types.ts';

test("the client's types are those of the service; else: npm run generate:client", async () => {
  assert.equal(readFileSync(CLIENT_TYPES_FILE, 'utf8'), await clientTypes());
});
