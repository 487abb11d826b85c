/** Links in the pages lead somewhere: to a file of the repository, and to a heading of it. */

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const PAGES = ['README.md', 'CHANGELOG.md', ...globSync('docs/*.md')];

/** Without blocks of code, in which a bracket is no link. */
const proseOf = (path: string): string => readFileSync(path, 'utf8').replaceAll(/```[\s\S]*?```/g, '');

/** The anchor that a renderer gives to a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsOf(path: string): string[] {
  return [...proseOf(path).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));
}

function faultOf(page: string, target: string): string | null {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? page : normalize(join(dirname(page), file));
  if (!existsSync(path)) return `${page}: ${target}: there is no ${path}`;
  if (anchor === undefined || anchorsOf(path).includes(anchor)) return null;
  return `${page}: ${target}: ${path} has no such heading`;
}

test('every link of the pages leads to a file and a heading', () => {
  const links = PAGES.flatMap((page) =>
    [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => ({ page, target: target! })),
  );
  const inner = links.filter(({ target }) => !/^https?:/.test(target));
  assert.ok(inner.length > 0);
  assert.deepEqual(
    inner.map(({ page, target }) => faultOf(page, target)).filter((fault) => fault !== null),
    [],
  );
});

test('every page of docs/ can be reached from the README', () => {
  const reached = new Set<string>();
  const queue = ['README.md'];
  for (let page = queue.pop(); page !== undefined; page = queue.pop()) {
    if (reached.has(page)) continue;
    reached.add(page);
    for (const [, target] of proseOf(page).matchAll(/\]\(([^)\s#]+\.md)[^)]*\)/g)) {
      queue.push(normalize(join(dirname(page), target!)));
    }
  }
  assert.deepEqual(
    globSync('docs/*.md').filter((page) => !reached.has(page)),
    [],
  );
});

test('a link that leads nowhere is noticed', () => {
  assert.notEqual(faultOf('docs/guide.md', 'nothing.md'), null);
  assert.notEqual(faultOf('docs/guide.md', 'storage.md#nothing'), null);
  assert.equal(faultOf('docs/guide.md', 'storage.md#shares'), null);
});
