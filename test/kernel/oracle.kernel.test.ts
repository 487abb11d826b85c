import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { kernelAvailable } from '../support/kernel/available.ts';
import { errnoName } from '../support/kernel/errno-name.ts';
import { Kernel, LOG_INSTRUCTIONS } from '../support/kernel/kernel.ts';
import { refusalLine, runOnKernel } from '../support/kernel/run.ts';
import { chain, EXIT, join, loadMap, loadValue, map, program, R0, slot, TAIL_CALL } from '../verifier/build.ts';

const KEY_0 = new Uint8Array(4);
const KEY_1 = new Uint8Array([1, 0, 0, 0]);
/** Tail call to slot `index` of map 0; falls through with 7. */
const hop = (index: number) => [loadMap(2, 0), slot(0xb7, 3, 0, 0, index), TAIL_CALL, slot(0xb7, 0, 0, 0, 7), EXIT];

test('errno names', () => {
  assert.deepEqual([1, 22, 524, 9999].map(errnoName), ['EPERM', 'EINVAL', 'ENOTSUPP', '9999']);
});

test('the reason of a refusal is the last line that is no statistics', () => {
  assert.equal(
    refusalLine('0: (85) call unknown#-1\ninvalid func unknown#-1\nprocessed 1 insns (limit 1000000)\n'),
    'invalid func unknown#-1',
  );
  assert.equal(refusalLine(''), null);
});

describe('the kernel oracle', { skip: kernelAvailable() ?? false }, () => {
  const kernel = new Kernel();
  after(() => kernel.close());
  const target = program(join([slot(0xb7, 0, 0, 0, 2), EXIT]), { name: 'target' });
  const entry = program(join(hop(1)), { name: 'entry' });
  const packet = new Uint8Array(64).fill(3);

  test('a tail call through a static slot', () => {
    const slots = [{ index: 1, program: 'target' }];
    const maps = [map('prog_array', { name: 'chain', maxEntries: 2, slots })];
    const said = runOnKernel(kernel, { programs: [target, entry], maps, entry: 'entry', packet });
    assert.deepEqual([said.stage, said.errno, said.retval], ['done', null, 2]);
    assert.deepEqual(said.packet, packet);
    assert.equal(said.maps.chain?.length, 1);
    assert.equal(
      runOnKernel(kernel, { programs: [entry], maps: [map('prog_array')], entry: 'entry', packet }).retval,
      7,
    );
  });

  test('a tail call in a subprogram, with BTF', () => {
    const built = program(chain([{ bytes: 8 }, { bytes: 8, tailCalls: true }]).code, {
      ...chain([{ bytes: 8 }, { bytes: 8, tailCalls: true }]),
      name: 'entry',
    });
    assert.equal(
      runOnKernel(kernel, { programs: [built], maps: [map('prog_array')], entry: 'entry', packet }).retval,
      0,
    );
    const without = runOnKernel(kernel, { programs: [built], maps: [map('prog_array')], entry: 'entry', btf: false });
    assert.equal(without.message, 'tail_call is not allowed in subprogs without BTF');
  });

  test('repeat, and map contents afterwards', () => {
    const count = [loadValue(1, 0), slot(0x79, 2, 1), slot(0x07, 2, 0, 0, 1), slot(0x7b, 1, 2), R0, EXIT];
    const said = runOnKernel(kernel, {
      programs: [program(join(count), { name: 'entry' })],
      maps: [map('array', { name: 'hits', entries: [{ key: KEY_0, value: new Uint8Array(8).fill(1, 0, 1) }] })],
      entry: 'entry',
      packet,
      repeat: 5,
    });
    assert.deepEqual(said.maps.hits, [{ key: KEY_0, value: new Uint8Array([6, 0, 0, 0, 0, 0, 0, 0]) }]);
  });

  test('per-CPU values are those of CPU 0', () => {
    const value = new Uint8Array([1, 2, 3, 4, 5]);
    const maps = [map('percpu_array', { valueSize: 5, maxEntries: 2, entries: [{ key: KEY_1, value }] })];
    const said = runOnKernel(kernel, { programs: [target], maps, entry: 'target', packet });
    assert.deepEqual(
      said.maps.percpu_array?.map((element) => element.value),
      [new Uint8Array(5), value],
    );
    const cpu = runOnKernel(kernel, {
      programs: [program(join([slot(0x85, 0, 0, 0, 8), EXIT]), { name: 'entry' })],
      maps: [],
      entry: 'entry',
      packet,
    });
    assert.equal(cpu.retval, 0);
  });

  test('where the kernel stopped', () => {
    const run = { programs: [target], maps: [], entry: 'target', packet };
    const bad = map('array', { name: 'bad', keySize: 3 });
    const outside = map('array', { name: 'outside', entries: [{ key: KEY_1, value: new Uint8Array(8) }] });
    const other = program(join([R0, EXIT]), { name: 'other', type: 'sched_cls' });
    const slots = [{ index: 0, program: 'other' }];
    const stages = [
      runOnKernel(kernel, { ...run, maps: [bad] }),
      runOnKernel(kernel, { ...run, maps: [outside] }),
      runOnKernel(kernel, { ...run, programs: [program(R0, { name: 'open' })], entry: 'open' }),
      runOnKernel(kernel, { ...run, programs: [entry, other], maps: [map('prog_array', { name: 'chain', slots })] }),
      runOnKernel(kernel, { ...run, packet: new Uint8Array(13) }),
    ];
    assert.deepEqual(
      stages.map(({ stage, name, errno }) => [stage, name, errno]),
      [
        ['map', 'bad', 'EINVAL'],
        ['element', 'outside', 'E2BIG'],
        ['program', 'open', 'EINVAL'],
        ['slot', 'chain', 'EINVAL'],
        ['run', 'target', 'EINVAL'],
      ],
    );
    assert.equal(stages[2]?.message, 'last insn is not an exit or jmp');
  });

  test('elements one by one', () => {
    const created = kernel.createMap(map('hash', { maxEntries: 2 })).map!;
    const value = new Uint8Array(8).fill(9);
    assert.equal(kernel.update(created, KEY_0, value, 2), 'ENOENT');
    assert.equal(kernel.update(created, KEY_0, value, 1), null);
    assert.equal(kernel.update(created, KEY_0, value, 1), 'EEXIST');
    assert.deepEqual(kernel.lookup(created, KEY_0), { value, errno: null });
    assert.deepEqual(kernel.nextKey(created, null), { key: KEY_0, errno: null });
    assert.deepEqual(kernel.nextKey(created, KEY_0), { key: undefined, errno: 'ENOENT' });
    assert.equal(kernel.delete(created, KEY_0), null);
    assert.equal(kernel.delete(created, KEY_0), 'ENOENT');
    assert.equal(kernel.freeze(created), null);
    assert.equal(kernel.update(created, KEY_0, value), 'EPERM');
    kernel.close();
  });

  test('a log with the walked instructions', () => {
    const loaded = kernel.load(program(join([R0, slot(0x37), EXIT])), [], { logLevel: LOG_INSTRUCTIONS });
    kernel.close();
    assert.match(loaded.log, /0: \(b7\) r0 = 0/);
  });
});
