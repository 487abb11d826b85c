/** The salt of modules: other bytes for other owners, of one length, and the same code. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assemble } from '../../src/isa/assemble.ts';
import { decode } from '../../src/isa/decode.ts';
import { KnownPrograms } from '../../src/pipeline/known-programs.ts';
import { translateProgram } from '../../src/vm/translate/program.ts';

const NAMES = { helper: () => undefined, map: () => undefined };
const INSTRUCTIONS = decode(assemble('r0 = 2\nexit', NAMES).code);

function moduleBytes(salt?: string): Uint8Array<ArrayBuffer> {
  const options = { checks: true, raw: false, trace: false, dead: [], ...(salt === undefined ? {} : { salt }) };
  const translation = translateProgram(INSTRUCTIONS, [], options);
  assert.equal(translation.kind, 'module');
  return (translation as Extract<typeof translation, { kind: 'module' }>).bytes;
}

test('modules of two tenants differ in their salt alone', () => {
  const [alice, bob] = ['alice', 'b'].map((tenant) => new KnownPrograms().of(tenant).salt);
  assert.notEqual(alice, bob);
  assert.equal(alice!.length, bob!.length, 'a limit on the size of modules must not tell tenants apart');
  const [ofAlice, ofBob, bare] = [moduleBytes(alice), moduleBytes(bob), moduleBytes()];
  assert.notDeepEqual(ofAlice, ofBob);
  assert.deepEqual(ofAlice, moduleBytes(alice), 'the same for the same tenant, on every thread');
  assert.deepEqual(ofAlice.slice(0, bare.length), bare);
  assert.deepEqual(ofBob.slice(0, bare.length), bare);
  assert.ok(new WebAssembly.Module(ofAlice) instanceof WebAssembly.Module);
  assert.ok(Buffer.from(ofAlice).includes(alice!));
});
