/** The compiled objects and measured rows beside them. */

import { readFileSync } from 'node:fs';

const FIXTURES = new URL('../fixtures/', import.meta.url);
const EXAMPLES = new URL('../../examples/', import.meta.url);

/** Bytes of a fixture or example object. */
export function objectBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, /^(parser-chain|worked-example)/.test(name) ? EXAMPLES : FIXTURES)));
}

/** Rows of a JSON file in test/fixtures. */
export function fixtureRows<Row>(name: string): Row[] {
  return JSON.parse(readFileSync(new URL(name, FIXTURES), 'utf8')) as Row[];
}
