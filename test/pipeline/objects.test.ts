/** Compiled objects through the engine: what Linux answered, and the example's three packets with their chains. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, chainText, resultOf } from '../support/engine-run.ts';
import { exampleRun, OBJECT_RUNS, objectRun, sortedElements } from '../support/object-runs.ts';

for (const row of OBJECT_RUNS) {
  test(`${row.object} ${row.entry}, packet ${row.packet}: as on Linux`, () => {
    const { outcome, returnValue, output, fault, rejection } = resultOf(objectRun(row));
    assert.equal(outcome.code, 'exit', JSON.stringify(fault ?? rejection));
    assert.equal(returnValue, row.returnValue);
    assert.equal(output.packet?.hex, row.packetOut);
    for (const [name, elements] of Object.entries(row.maps)) {
      const own = output.maps[name]!.map(({ key, value }) => ({ key: bytesOf(key.hex), value: bytesOf(value.hex) }));
      const expected = elements.map(({ key, value }) => ({ key: bytesOf(key), value: bytesOf(value) }));
      assert.deepEqual(sortedElements(own), sortedElements(expected), name);
    }
  });
}

/** `packets` counts all, IPv4, TCP, UDP and other. */
const EXAMPLES: readonly {
  readonly name: string;
  readonly action: string;
  readonly chain: readonly string[];
  readonly packets: readonly number[];
  readonly ports: readonly string[];
}[] = [
  {
    name: 'tcp',
    action: 'XDP_PASS',
    chain: ['entry -> parse_ipv4', 'parse_ipv4 -> parse_tcp'],
    packets: [1, 1, 1, 0, 0],
    ports: ['5000'],
  },
  {
    name: 'udp',
    action: 'XDP_DROP',
    chain: ['entry -> parse_ipv4', 'parse_ipv4 -> parse_udp'],
    packets: [1, 1, 0, 1, 0],
    ports: ['3500'],
  },
  { name: 'arp', action: 'XDP_PASS', chain: [], packets: [1, 0, 0, 0, 1], ports: [] },
];

for (const { name, action, chain, packets, ports } of EXAMPLES) {
  test(`the example's ${name} packet`, () => {
    const result = resultOf(exampleRun(name));
    assert.equal(result.outcome.code, 'exit');
    assert.equal(result.action, action);
    assert.deepEqual(
      result.chain.map(({ from, to, taken }) => (taken ? `${from} -> ${to}` : 'miss')),
      chain,
    );
    assert.deepEqual(
      result.output.maps.packets?.map(({ value }) => Number(Buffer.from(value.hex, 'hex').readBigUInt64LE())),
      packets,
    );
    assert.deepEqual(
      result.output.maps.ports?.map(({ key }) => key.hex),
      ports,
    );
    assert.equal(result.counters.programs, chain.length + 1);
    assert.equal(result.last?.insn, 'exit');
  });
}

test("a request's settings for the object's maps: another program in a slot, fewer elements", () => {
  const result = resultOf({
    ...exampleRun('tcp'),
    programs: { mine: 'r0 = 3\nexit' },
    maps: { parsers: { type: null, slots: { 1: 'mine' } }, ports: { type: null, maxEntries: 1 } },
    returnMaps: ['ports'],
  });
  assert.equal(result.action, 'XDP_TX');
  assert.deepEqual(result.chain.map(chainText), [
    `entry:${result.chain[0]?.pc} parsers[0] -> parse_ipv4`,
    `parse_ipv4:${result.chain[1]?.pc} parsers[1] -> mine`,
  ]);
  assert.deepEqual(result.output.maps.ports, []);
});

test('a fault beside an object names the line of its assembly', () => {
  const { fault } = resultOf({
    ...exampleRun('tcp'),
    entry: 'over',
    programs: { over: 'r1 = *(u32 *)(r1 + 4)\n// the next one reads behind the packet\nr0 = *(u8 *)(r1 + 0)\nexit' },
    verify: 'off',
  });
  assert.deepEqual(fault?.source, { file: 'over.s', line: 3, text: 'r0 = *(u8 *)(r1 + 0)' });
});
