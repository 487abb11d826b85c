/** What the output shows of a packet, by program type. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, resultOf } from '../support/engine-run.ts';

const PACKET = '112233445566778899aabbcc0800'.padEnd(128, '7');

test('a type whose Ethernet header was pulled gives zeroes there, as Linux', () => {
  const rows: [type: string, shown: string][] = [
    ['xdp', PACKET],
    ['sched_cls', PACKET],
    ['socket_filter', `${'00'.repeat(14)}${PACKET.slice(28)}`],
  ];
  for (const [type, shown] of rows) {
    const { output } = resultOf({ type, programs: { p: 'r0 = 0\nexit' }, packet: bytesOf(PACKET) });
    assert.equal(output.packet?.hex, shown, type);
  }
});
