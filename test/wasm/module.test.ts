import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code } from '../../src/wasm/code.ts';
import { ModuleBuilder } from '../../src/wasm/module.ts';

/** Compiled by V8, which validates it. */
function exportsOf(module: ModuleBuilder, imports: Record<string, unknown> = {}): Record<string, CallableFunction> {
  const compiled = new WebAssembly.Module(module.build());
  return new WebAssembly.Instance(compiled, { m: imports }).exports as Record<string, CallableFunction>;
}

test('an empty module is the eight bytes of the header and empty sections', () => {
  const bytes = new ModuleBuilder().build();
  assert.deepEqual([...bytes.subarray(0, 8)], [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  assert.ok(new WebAssembly.Module(bytes));
});

test('locals of both types, a loop, a conditional: the sum of the numbers below n', () => {
  const module = new ModuleBuilder();
  const code = new Code(1);
  const sum = code.local('i64');
  const index = code.local('i32');
  code.block().loop();
  code.get(index).get(0).op('i32_ge_u').brIf(1);
  code.get(sum).get(index).op('i64_extend_i32_u', 'i64_add').set(sum);
  code.get(index).i32(1).op('i32_add').set(index).br(0);
  code.op('end', 'end').get(sum);
  module.exportFunction('sum', module.addFunction({ parameters: ['i32'], results: ['i64'] }, code));
  const { sum: run } = exportsOf(module);
  assert.equal(run!(0), 0n);
  assert.equal(run!(1000), 499_500n);
});

test('constants keep their value, whichever form they are given in', () => {
  const values = [0n, -1n, 1n << 31n, -(1n << 31n), (1n << 63n) - 1n, -(1n << 63n), 0xdead_beefn];
  for (const value of values) {
    const module = new ModuleBuilder();
    module.exportFunction('big', module.addFunction({ parameters: [], results: ['i64'] }, new Code(0).i64(value)));
    const small = new Code(0).i64(Number(BigInt.asIntN(32, value)));
    module.exportFunction('small', module.addFunction({ parameters: [], results: ['i64'] }, small));
    const { big, small: smallRun } = exportsOf(module);
    assert.equal(big!(), value);
    assert.equal(smallRun!(), BigInt.asIntN(32, value));
  }
});

test('imports come first in each index space; equal types are one', () => {
  const module = new ModuleBuilder();
  const type = { parameters: ['i32'], results: ['i32'] } as const;
  const twice = module.importFunction('m', 'twice', type);
  const global = module.importGlobal('m', 'number', 'i32');
  const code = new Code(1).get(0).call(twice).globalGet(global).op('i32_add');
  const own = module.addFunction(type, code);
  assert.deepEqual([twice, global, own], [0, 0, 1]);
  assert.equal(module.type({ parameters: ['i32'], results: ['i32'] }), module.type(type));
  assert.notEqual(module.type({ parameters: ['i64'], results: ['i32'] }), module.type(type));
  module.exportFunction('run', own);
  const imports = {
    twice: (value: number) => 2 * value,
    number: new WebAssembly.Global({ value: 'i32', mutable: false }, 5),
  };
  assert.equal(exportsOf(module, imports).run!(4), 13);
});

test('memory of every width, memory.fill, an atomic load, and a tail call through the table', () => {
  const module = new ModuleBuilder();
  const pages = 1;
  module.importSharedMemory('m', 'memory', pages);
  module.importTable('m', 'table');
  const type = { parameters: ['i32'], results: ['i64'] } as const;
  const code = new Code(1);
  code.i32(16).i32(0xab).i32(8).fill();
  code.i32(16).i64(0x1122).memory('i64_store16', 2);
  code.i32(16).i64(-1).memory('i64_store8', 1);
  code.i32(8).atomicLoad(8).op('i64_extend_i32_u');
  code.i32(0).memory('i64_load32_s', 20).op('i64_add');
  const read = module.addFunction(type, code);
  const hop = new Code(1).get(0).get(0).returnCallIndirect(module.type(type));
  module.exportFunction('read', read);
  module.exportFunction('hop', module.addFunction(type, hop));
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 2 });
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const { read: run, hop: jump } = exportsOf(module, { memory, table });
  table.set(1, run);
  const expected = 0x1122_ffabn + BigInt.asIntN(32, 0xabab_ababn);
  assert.equal(run!(0), expected);
  assert.equal(jump!(1), expected);
  assert.throws(() => jump!(0), /RuntimeError|null|signature/);
});

test('br_table, if with a result, and a custom section', () => {
  const module = new ModuleBuilder();
  const code = new Code(1);
  code.block().block().block().get(0).brTable([0, 1, 2]);
  code.op('end').i32(10).op('return');
  code.op('end').i32(11).op('return');
  code.op('end').get(0).i32(5).op('i32_eq').if('i32').i32(55).op('else').i32(12).op('end');
  module.exportFunction('pick', module.addFunction({ parameters: ['i32'], results: ['i32'] }, code));
  module.customSection('salt', Uint8Array.of(1, 2, 3));
  const { pick } = exportsOf(module);
  assert.deepEqual(
    [0, 1, 2, 3, 5].map((value) => pick!(value)),
    [10, 11, 12, 12, 55],
  );
  const salted = Buffer.from(module.build());
  assert.ok(salted.includes(Buffer.from([7, 4, 0x73, 0x61, 0x6c, 0x74, 1, 2, 3].slice(1))));
});
