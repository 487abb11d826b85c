import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERMISSION } from '../../src/contract/memory.ts';
import { assemble } from '../../src/isa/assemble.ts';
import { assertReplaysDescribed } from '../support/assert-replays.ts';
import { resultOf } from '../support/engine-run.ts';
import { Comparison } from '../support/oracle/compare.ts';
import { PACKET, PACKET_LOAD_ROWS } from '../support/packet-load-rows.ts';

const NAMES = { helper: () => undefined, map: () => undefined };
const ETHERNET_HEADER = 14;
const comparison = new Comparison();

for (const type of ['sched_cls', 'socket_filter'] as const) {
  test(`packet loads of ${type} return what Linux returns`, () => {
    for (const row of PACKET_LOAD_ROWS) {
      const result = resultOf({ programs: { entry: row.text }, type, packet: PACKET });
      assert.equal(result.outcome.code, 'exit', row.name);
      assert.equal(result.returnValue, row[type], row.name);
    }
  });

  test(`packet loads of ${type}: the engine, with and without the trace flag, and the oracle see the same`, () => {
    for (const row of PACKET_LOAD_ROWS) {
      const loads = { start: type === 'sched_cls' ? 0 : ETHERNET_HEADER, link: 0, network: ETHERNET_HEADER };
      const run = {
        programs: [assemble(row.text, NAMES).code],
        packet: { bytes: PACKET, start: 0, end: PACKET.length, permission: PERMISSION.NONE, loads },
        context: { bytes: new Uint8Array(16), permissions: new Uint8Array(16).fill(PERMISSION.READ), packetFields: [] },
      };
      const plain = comparison.engine(run);
      const oracle = comparison.oracle(plain.oracle);
      assert.deepEqual(plain.observation, oracle, row.name);
      assert.deepEqual(comparison.engine(run, true).observation, oracle, `${row.name}, traced`);
      assert.equal(Number(oracle.r0 === undefined ? -1 : BigInt(`0x${oracle.r0}`) & 0xffff_ffffn), row[type], row.name);
    }
  });
}

test('r6 must be the context when nothing verifies', () => {
  const text = 'r6 = 1\nr0 = *(u8 *)skb[0]\nexit';
  const { outcome, fault } = resultOf({ programs: { entry: text }, type: 'sched_cls', packet: PACKET, verify: 'off' });
  assert.equal(outcome.code, 'bad_argument');
  assert.equal(fault?.message, 'R6 of the packet load is 0x1, not the context');
});

test('steps and patches of packet loads, out of range and in subprograms too, give the state behind the run', () => {
  for (const row of PACKET_LOAD_ROWS) {
    const result = assertReplaysDescribed({ programs: { entry: row.text }, type: 'sched_cls', packet: PACKET });
    assert.equal(result.returnValue, row.sched_cls, row.name);
  }
});
