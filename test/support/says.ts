/** Examples in docs/ against what the service says: `…` stands for any value, or for more of the same. */

import assert from 'node:assert/strict';

/** As the value of a field or the name of one, or as the last element of a list. */
const MORE = '…';

/** Fails unless the value is what the page says. */
export function assertSays(said: unknown, value: unknown, path: string): void {
  if (said === MORE) assert.notEqual(value, undefined, path);
  else if (Array.isArray(said)) {
    assert.ok(Array.isArray(value), path);
    const open = said.at(-1) === MORE;
    const elements = open ? said.slice(0, -1) : said;
    assert.ok(open ? value.length >= elements.length : value.length === elements.length, `${path}: ${value.length}`);
    for (const [place, element] of elements.entries()) assertSays(element, value[place], `${path}/${place}`);
  } else if (typeof said === 'object' && said !== null) {
    assert.ok(typeof value === 'object' && value !== null, path);
    const fields = new Map(Object.entries(value));
    for (const [name, field] of Object.entries(said)) {
      if (name !== MORE) assertSays(field, fields.get(name), `${path}/${name}`);
    }
    const unsaid = [...fields.keys()].filter((name) => !Object.hasOwn(said, name));
    if (!Object.hasOwn(said, MORE)) assert.deepEqual(unsaid, [], `${path}: fields that the page does not name`);
  } else assert.deepEqual(value, said, path);
}
