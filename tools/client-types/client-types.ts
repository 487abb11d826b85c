/** The types of the client, from what a service says of itself. */

import openapiTypescript, { astToString, type OpenAPI3 } from 'openapi-typescript';
import { buildService } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';

/** The file that they stand in. */
export const CLIENT_TYPES_FILE = new URL('../../src/client/api-types.ts', import.meta.url);

const HEADING = `/**
 * The routes of the service and their schemas, made from its OpenAPI document by \`npm run generate:client\`. Do not edit.
 * Every route can be answered by a problem too, which is contract/problem-document.ts.
 */

`;

/** Parts of the document that make no types of their own. */
const UNTYPED: readonly string[] = ['example', 'examples', 'headers'];
const isRefusal = (key: string): boolean => /^[45][0-9]{2}$/.test(key);

/** The document without what would only make the file longer. */
function shortened(value: unknown, parent = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => shortened(one));
  if (typeof value !== 'object' || value === null) return value;
  // Names of fields, which may be those of parts.
  const kept = parent === 'properties' ? () => true : (key: string) => !UNTYPED.includes(key) && !isRefusal(key);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (kept(key) ? [[key, shortened(one, key)]] : [])),
  );
}

/** The text of the file for the service as it is now. */
export async function clientTypes(): Promise<string> {
  const config = readConfig({ WAGGLE_WORKERS: '1', WAGGLE_LOG_LEVEL: 'fatal' });
  const { api, close } = await buildService(config, { store: new MemoryStore({ quota: config.limits }) });
  try {
    const document = shortened((await api.inject('/openapi.json')).json()) as OpenAPI3;
    const options = { alphabetize: true, defaultNonNullable: false, emptyObjectsUnknown: true };
    return `${HEADING}${astToString(await openapiTypescript(document, options))}`;
  } finally {
    await close();
  }
}
