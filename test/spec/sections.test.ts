import assert from 'node:assert/strict';
import { test } from 'node:test';
import { programTypeOfSection, SECTION_ROWS } from '../../src/spec/sections.ts';

/** Section name, then type, attach type, flags; null where libbpf 1.x knows none. */
const ROWS: readonly (readonly [string, string | null, (string | null)?, string?])[] = [
  ['socket', 'socket_filter', null],
  ['socket1', null],
  ['socket/filter', null],
  ['xdp', 'xdp', 'xdp'],
  ['xdp/name', null],
  ['xdp_prog', null],
  ['xdp.frags', 'xdp', 'xdp', 'xdp_has_frags'],
  ['xdp/devmap', 'xdp', 'xdp_devmap'],
  ['xdp.frags/cpumap', 'xdp', 'xdp_cpumap', 'xdp_has_frags'],
  ['tc', 'sched_cls', null],
  ['tc/name', null],
  ['tc/ingress', 'sched_cls', 'tcx_ingress'],
  ['tcx/egress', 'sched_cls', 'tcx_egress'],
  ['tcx', null],
  ['classifier', 'sched_cls', null],
  ['action', 'sched_act', null],
  ['kprobe', 'kprobe', null],
  ['kprobe/do_exit', 'kprobe', null],
  ['kprobe_do_exit', null],
  ['kprobe.multi/tcp_*', 'kprobe', 'trace_kprobe_multi'],
  ['uprobe.s//bin/sh:main', 'kprobe', null, 'sleepable'],
  ['raw_tp/sched_switch', 'raw_tracepoint', null],
  ['raw_tracepoint', 'raw_tracepoint', null],
  ['raw_tracepoint.w/x', 'raw_tracepoint_writable', null],
  ['fentry.s/f', 'tracing', 'trace_fentry', 'sleepable'],
  ['lsm_cgroup/bind', 'lsm', 'lsm_cgroup'],
  ['cgroup_skb/ingress', 'cgroup_skb', 'cgroup_inet_ingress'],
  ['cgroup/skb', 'cgroup_skb', null],
  ['cgroup/connect4', 'cgroup_sock_addr', 'cgroup_inet4_connect'],
  ['sk_reuseport/migrate', 'sk_reuseport', 'sk_reuseport_select_or_migrate'],
  ['sk_skb', 'sk_skb', null],
  ['struct_ops.s/init', 'struct_ops', null, 'sleepable'],
  ['syscall', 'syscall', null, 'sleepable'],
  ['.text', null],
  ['', null],
];

test('section names', async (context) => {
  for (const [name, type, attachType = null, flag] of ROWS) {
    await context.test(name === '' ? '(empty)' : name, () => {
      const found = programTypeOfSection(name);
      if (type === null) {
        assert.equal(found, undefined);
        return;
      }
      assert.deepEqual(
        [found?.type, found?.attachType, found?.flags, found?.autoload],
        [type, attachType, flag === undefined ? [] : [flag], true],
      );
    });
  }
});

test('? turns autoload off and changes nothing else', () => {
  for (const { section } of SECTION_ROWS) {
    const name = section.replace('+', '/target');
    const plain = programTypeOfSection(name);
    assert.ok(plain, name);
    assert.deepEqual(programTypeOfSection(`?${name}`), { ...plain, autoload: false });
  }
});

test('every row is reached by its own name', () => {
  for (const row of SECTION_ROWS) {
    assert.equal(programTypeOfSection(row.section.replace('+', ''))?.section, row.section);
  }
});
