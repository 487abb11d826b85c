import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { childOf, formatTraceParent, parseTraceParent } from '../../src/api/trace-parent.ts';
import { build, scripted } from '../support/service.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

const ACCEPTED: readonly (readonly [name: string, header: string, flags: number])[] = [
  ['sampled', `00-${TRACE}-${SPAN}-01`, 1],
  ['not sampled', `00-${TRACE}-${SPAN}-00`, 0],
  ['flags that are not known are dropped', `00-${TRACE}-${SPAN}-ff`, 3],
  ['a later version', `01-${TRACE}-${SPAN}-01`, 1],
  ['a later version with more', `cc-${TRACE}-${SPAN}-01-what-the-future-brings`, 1],
];

const IGNORED: readonly (readonly [name: string, header: string])[] = [
  ['nothing', ''],
  ['the forbidden version', `ff-${TRACE}-${SPAN}-01`],
  ['a version of one digit', `0-${TRACE}-${SPAN}-01`],
  ['our version with more', `00-${TRACE}-${SPAN}-01-more`],
  ['our version with a dash at its end', `00-${TRACE}-${SPAN}-01-`],
  ['a later version with more but no dash', `01-${TRACE}-${SPAN}-01more`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['a short trace id', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['a long trace id', `00-${TRACE}0-${SPAN}-01`],
  ['a short span id', `00-${TRACE}-${SPAN.slice(1)}-01`],
  ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['no flags', `00-${TRACE}-${SPAN}`],
  ['flags of one digit', `00-${TRACE}-${SPAN}-1`],
  ['a digit that is none', `00-${TRACE.replace('0', 'g')}-${SPAN}-01`],
  ['white space', ` 00-${TRACE}-${SPAN}-01`],
  ['two headers', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
];

test('a valid traceparent is read', () => {
  for (const [name, header, flags] of ACCEPTED) {
    assert.deepEqual(parseTraceParent(header), { traceId: TRACE, spanId: SPAN, flags }, name);
  }
});

test('an invalid one is ignored', () => {
  for (const [name, header] of IGNORED) assert.equal(parseTraceParent(header), null, name);
});

test('what is written is read back, and a child stays in its trace under a new name', () => {
  const hex = (length: number) =>
    fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((text) => !/^0+$/.test(text));
  const parent = fc.record(
    { traceId: hex(32), spanId: hex(16), flags: fc.integer({ min: 0, max: 3 }) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(parent, (span) => {
      assert.deepEqual(parseTraceParent(formatTraceParent(span)), span);
      const child = childOf(span);
      assert.deepEqual({ ...child, spanId: span.spanId }, span);
      assert.notEqual(child.spanId, span.spanId);
      assert.deepEqual(parseTraceParent(formatTraceParent(child)), child);
    }),
  );
  assert.notEqual(childOf(null).traceId, childOf(null).traceId);
});

test('a request continues the trace that it brings, in its answer and in its log lines', async (t) => {
  const service = await build(t);
  const { headers } = await service.post(scripted('exit'), { traceparent: `00-${TRACE}-${SPAN}-01` });
  const answered = parseTraceParent(String(headers.traceparent));
  assert.deepEqual([answered?.traceId, answered?.flags], [TRACE, 1]);
  assert.notEqual(answered?.spanId, SPAN);
  assert.equal(service.lines.find(({ msg }) => msg === 'run')?.traceId, TRACE);
});

test('a request without a trace, or with an invalid one, begins one; refusals have one too', async (t) => {
  const service = await build(t);
  const traces = new Set<string>();
  for (const traceparent of [undefined, `00-${TRACE.toUpperCase()}-${SPAN}-01`]) {
    const { headers } = await service.post('{', traceparent === undefined ? {} : { traceparent });
    const answered = parseTraceParent(String(headers.traceparent));
    assert.ok(answered !== null && answered.flags === 0);
    traces.add(answered.traceId);
  }
  assert.equal(traces.size, 2);
  assert.ok(!traces.has(TRACE));
});
