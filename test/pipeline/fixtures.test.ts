/** Every compiled object that Linux ran gives here the same return value, the same packet and the same map contents. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf, resultOf } from '../support/engine-run.ts';
import { FIXTURE_RUNS, nameOf, objectOf, outcomeOf, sorted } from '../support/fixture-runs.ts';

describe('compiled objects', () => {
  for (const row of FIXTURE_RUNS) {
    test(nameOf(row), () => {
      const result = resultOf({
        object: objectOf(row),
        entry: row.entry,
        packet: bytesOf(row.packetHex),
        returnMaps: Object.keys(row.maps),
      });
      assert.equal(result.outcome.code, 'exit', JSON.stringify(result.rejection ?? result.fault));
      const maps = Object.entries(result.output.maps).map(([name, elements]) => [
        name,
        sorted(elements.map(({ key, value }) => ({ key: key.hex, value: value.hex }))),
      ]);
      assert.deepEqual(
        {
          returnValue: result.returnValue,
          packetOut: result.output.packet?.hex,
          maps: Object.fromEntries(maps),
        },
        outcomeOf(row),
      );
    });
  }
});

/** The parser chain of examples/: which program each packet visits. */
const VISITS: Readonly<Record<string, { action: string; chain: readonly string[] }>> = {
  tcp: { action: 'XDP_PASS', chain: ['entry -> parse_ipv4', 'parse_ipv4 -> parse_tcp'] },
  'tcp-443': { action: 'XDP_DROP', chain: ['entry -> parse_ipv4', 'parse_ipv4 -> parse_tcp'] },
  udp: { action: 'XDP_DROP', chain: ['entry -> parse_ipv4', 'parse_ipv4 -> parse_udp'] },
  arp: { action: 'XDP_PASS', chain: [] },
};

for (const [packet, expected] of Object.entries(VISITS)) {
  test(`the parser chain, ${packet}: action and chain`, () => {
    const row = FIXTURE_RUNS.find((one) => one.object === 'parser-chain.o' && one.packet === packet);
    assert.ok(row !== undefined);
    const { action, chain } = resultOf({ object: objectOf(row), entry: row.entry, packet: bytesOf(row.packetHex) });
    assert.deepEqual({ action, chain: chain.map(({ from, to }) => `${from} -> ${to}`) }, expected);
  });
}
