/** Commands of user space on the maps of a sandbox, held against bpf(2): the same errno, the same elements, for any order of commands. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limitsWith } from '../../src/contract/limits.ts';
import type { MapCommand, SandboxState } from '../../src/contract/sandbox-task.ts';
import { Engine } from '../../src/pipeline/engine.ts';
import { MAP_FLAGS, type MapFlag } from '../../src/spec/maps.ts';
import { runSpec } from '../support/engine-run.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel, type KernelMap } from '../support/kernel/kernel.ts';

const ENGINE = new Engine();
const VALUE_BYTES = 8;
const MAX_ENTRIES = 3;

interface MapRow {
  readonly type: 'array' | 'hash';
  readonly keySize: number;
  readonly flags: readonly MapFlag[];
  readonly frozen: boolean;
}

const MAPS: readonly MapRow[] = [
  { type: 'array', keySize: 4, flags: [], frozen: false },
  { type: 'array', keySize: 4, flags: ['rdonly'], frozen: false },
  { type: 'array', keySize: 4, flags: ['wronly'], frozen: false },
  { type: 'array', keySize: 4, flags: [], frozen: true },
  { type: 'hash', keySize: 4, flags: [], frozen: false },
  { type: 'hash', keySize: 5, flags: [], frozen: false },
  { type: 'hash', keySize: 4, flags: ['rdonly'], frozen: false },
  { type: 'hash', keySize: 4, flags: ['wronly'], frozen: false },
  { type: 'hash', keySize: 4, flags: [], frozen: true },
];

/** Small keys, so that they meet; one of them past an array's end. */
const key = (size: number) =>
  fc
    .nat({ max: MAX_ENTRIES + 1 })
    .map((number) => Uint8Array.from({ length: size }, (_, at) => (at === 0 ? number : 0)));
const value = fc.uint8Array({ minLength: VALUE_BYTES, maxLength: VALUE_BYTES });
/** BPF_ANY, BPF_NOEXIST, BPF_EXIST, both, BPF_F_LOCK, and a flag that is none. */
const flags = fc.constantFrom(0, 1, 2, 3, 4, 8);

const commands = (size: number): fc.Arbitrary<MapCommand[]> =>
  fc.array(
    fc.oneof(
      fc.record({ op: fc.constant('update' as const), key: key(size), value, flags }),
      fc.record({ op: fc.constant('lookup' as const), key: key(size) }),
      fc.record({ op: fc.constant('delete' as const), key: key(size) }),
    ),
    { minLength: 1, maxLength: 40 },
  );

function newSandbox(row: MapRow): SandboxState {
  const spec = runSpec({ maps: { m: { ...row, valueSize: VALUE_BYTES, maxEntries: MAX_ENTRIES } } });
  const limits = limitsWith();
  const answer = ENGINE.createSandbox({
    kind: 'create_sandbox',
    tenant: '',
    spec,
    limits,
    maxBytes: limits.maxSandboxBytes,
  });
  if (answer.kind !== 'created') assert.fail(JSON.stringify(answer));
  return answer.state;
}

/** What a command answers: an errno, or the value that it found. */
function onSandbox(state: SandboxState, command: MapCommand): { state: SandboxState; answer: string } {
  const answer = ENGINE.runMapCommand({ kind: 'map_command', state, map: 0, command });
  switch (answer.kind) {
    case 'errno':
      return { state, answer: answer.errno };
    case 'changed':
      return { state: { ...state, image: answer.image }, answer: 'changed' };
    case 'elements':
      return { state, answer: Buffer.from(answer.elements[0]!.value).toString('hex') };
    default:
      return assert.fail(JSON.stringify(answer));
  }
}

function onKernel(kernel: Kernel, map: KernelMap, command: MapCommand): string {
  switch (command.op) {
    case 'update':
      return kernel.update(map, command.key, command.value, command.flags) ?? 'changed';
    case 'delete':
      return kernel.delete(map, command.key) ?? 'changed';
    case 'lookup': {
      const { value: found, errno } = kernel.lookup(map, command.key);
      return errno ?? Buffer.from(found!).toString('hex');
    }
    case 'list':
      return assert.fail('the kernel has no list');
  }
}

for (const row of MAPS) {
  const { type, keySize, flags: names, frozen } = row;
  const title = `${type} with keys of ${keySize} bytes ${names.join(' ')}${frozen ? 'frozen' : ''}`;
  test(`map commands answer as Linux: ${title}`, { skip: kernelAvailable() ?? false }, () => {
    fc.assert(
      fc.property(commands(keySize), (sequence) => {
        using kernel = new Kernel();
        const { map } = kernel.createMap({
          name: 'm',
          type,
          keySize,
          valueSize: VALUE_BYTES,
          maxEntries: MAX_ENTRIES,
          flags: names.reduce((bits, name) => bits | MAP_FLAGS[name], 0),
          entries: [],
          slots: [],
          frozen: false,
        });
        assert.ok(map !== undefined);
        if (frozen) assert.equal(kernel.freeze(map), null);
        let state = newSandbox(row);
        for (const command of sequence) {
          const got = onSandbox(state, command);
          state = got.state;
          assert.equal(got.answer, onKernel(kernel, map, command), JSON.stringify(command));
        }
      }),
      { numRuns: 60 },
    );
  });
}
