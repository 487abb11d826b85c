/** The tree is the architecture: what each room may import besides itself and `node:`. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

/** `rooms`: other rooms (a folder of src, a file of src, or one file of a room). `packages`: prefixes of npm packages. */
const LAYERS: Readonly<Record<string, { rooms: readonly string[]; packages: readonly string[] }>> = {
  'server.ts': { rooms: ['app.ts', 'config.ts'], packages: ['close-with-grace'] },
  'app.ts': {
    rooms: ['contract', 'api', 'pool', 'metrics', 'sandboxes', 'store', 'config.ts'],
    packages: ['fastify', '@fastify/', 'typebox'],
  },
  'api-keys.ts': { rooms: [], packages: [] },
  'config.ts': {
    rooms: ['api-keys.ts', 'contract/limits.ts', 'contract/timeout-order.ts'],
    packages: ['typebox', 'env-schema'],
  },
  contract: { rooms: [], packages: ['typebox'] },
  isa: { rooms: [], packages: [] },
  btf: { rooms: [], packages: [] },
  spec: { rooms: ['isa'], packages: [] },
  elf: { rooms: ['isa', 'btf', 'spec'], packages: [] },
  cfg: { rooms: ['isa'], packages: [] },
  verifier: { rooms: ['isa', 'btf', 'spec', 'cfg'], packages: [] },
  wasm: { rooms: [], packages: [] },
  vm: {
    rooms: [
      'isa',
      'spec',
      'cfg',
      'wasm',
      'contract/outcome.ts',
      'contract/memory.ts',
      'contract/place.ts',
      'contract/slot-log.ts',
    ],
    packages: [],
  },
  pipeline: { rooms: ['isa', 'elf', 'btf', 'spec', 'cfg', 'verifier', 'vm', 'contract'], packages: [] },
  metrics: { rooms: ['contract', 'spec'], packages: ['prom-client'] },
  pool: { rooms: ['contract', 'metrics'], packages: ['piscina'] },
  store: { rooms: ['contract'], packages: ['kysely'] },
  api: {
    rooms: ['api-keys.ts', 'contract', 'spec', 'pool', 'sandboxes', 'metrics', 'store'],
    packages: ['fastify', '@fastify/', 'typebox', 'ws'],
  },
  sandboxes: { rooms: ['contract', 'spec', 'pool', 'store'], packages: [] },
  client: { rooms: ['contract'], packages: ['openapi-fetch'] },
  workers: { rooms: ['pipeline', 'contract'], packages: [] },
};

/** The room of a file: `workers`, a folder of src, or a file that stands in src itself. */
function roomOf(path: string): string {
  const parts = path.split('/');
  return parts[0] === 'src' ? parts[1]! : parts[0]!;
}

function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/(?<!')\b(?:from|import)\s*\(?\s*'([^'\n]+)'/g)].map((match) => match[1]!);
}

function violation(path: string, specifier: string): string | undefined {
  const room = roomOf(path);
  const layer = LAYERS[room];
  if (layer === undefined) return `${path}: room '${room}' has no row in the table`;
  if (specifier.startsWith('node:')) return undefined;
  if (!specifier.startsWith('.')) {
    const allowed = layer.packages.some(
      (name) => specifier === name || specifier.startsWith(`${name.replace(/\/$/, '')}/`),
    );
    return allowed ? undefined : `${path} imports the package '${specifier}'`;
  }
  const target = relative('.', join(dirname(path), specifier));
  if (roomOf(target) === room) return undefined;
  const allowed = layer.rooms.some((name) => target === `src/${name}` || target.startsWith(`src/${name}/`));
  return allowed ? undefined : `${path} imports ${target}`;
}

const FILES = globSync(['src/**/*.ts', 'workers/**/*.ts']);

test('every import keeps to the table of rooms', () => {
  assert.ok(FILES.length > 50, `only ${FILES.length} files found`);
  const found = FILES.flatMap((path) => importsOf(path).map((specifier) => violation(path, specifier)));
  assert.deepEqual(
    found.filter((one) => one !== undefined),
    [],
  );
});

test('the table refuses what it does not name', () => {
  assert.match(violation('src/api/runs.ts', '../vm/vm.ts') ?? '', /imports src\/vm\/vm.ts/);
  assert.match(violation('src/isa/decode.ts', 'fastify') ?? '', /imports the package/);
  assert.match(violation('src/nowhere/x.ts', './y.ts') ?? '', /has no row/);
});
