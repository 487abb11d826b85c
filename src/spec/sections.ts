/**
 * ELF section names to program types, as libbpf 1.x reads them (libbpf.c section_defs, sec_def_matches). The first row that matches
 * counts. A name that ends in `+` matches the name before it, alone or with `/` and anything after; every other name matches exactly.
 */

import type { ProgramType } from './programs.ts';

export interface SectionRow {
  readonly section: string;
  readonly type: ProgramType;
  /** BPF_* attach type in lower case, that the program is loaded with (expected_attach_type); null: 0, none is given. */
  readonly attachType: string | null;
  /** Load flags: BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS. */
  readonly flags: readonly string[];
}

function row(
  section: string,
  type: ProgramType,
  attachType: string | null = null,
  flags: readonly string[] = [],
): SectionRow {
  return { section, type, attachType, flags };
}

const SLEEPABLE = ['sleepable'];
const FRAGS = ['xdp_has_frags'];

/** In libbpf's order. */
export const SECTION_ROWS: readonly SectionRow[] = [
  row('socket', 'socket_filter'),
  row('sk_reuseport/migrate', 'sk_reuseport', 'sk_reuseport_select_or_migrate'),
  row('sk_reuseport', 'sk_reuseport', 'sk_reuseport_select'),
  row('kprobe+', 'kprobe'),
  row('uprobe+', 'kprobe'),
  row('uprobe.s+', 'kprobe', null, SLEEPABLE),
  row('kretprobe+', 'kprobe'),
  row('uretprobe+', 'kprobe'),
  row('uretprobe.s+', 'kprobe', null, SLEEPABLE),
  row('kprobe.multi+', 'kprobe', 'trace_kprobe_multi'),
  row('kretprobe.multi+', 'kprobe', 'trace_kprobe_multi'),
  row('kprobe.session+', 'kprobe', 'trace_kprobe_session'),
  row('uprobe.multi+', 'kprobe', 'trace_uprobe_multi'),
  row('uretprobe.multi+', 'kprobe', 'trace_uprobe_multi'),
  row('uprobe.session+', 'kprobe', 'trace_uprobe_session'),
  row('uprobe.multi.s+', 'kprobe', 'trace_uprobe_multi', SLEEPABLE),
  row('uretprobe.multi.s+', 'kprobe', 'trace_uprobe_multi', SLEEPABLE),
  row('uprobe.session.s+', 'kprobe', 'trace_uprobe_session', SLEEPABLE),
  row('ksyscall+', 'kprobe'),
  row('kretsyscall+', 'kprobe'),
  row('usdt+', 'kprobe'),
  row('usdt.s+', 'kprobe', null, SLEEPABLE),
  row('tc/ingress', 'sched_cls', 'tcx_ingress'),
  row('tc/egress', 'sched_cls', 'tcx_egress'),
  row('tcx/ingress', 'sched_cls', 'tcx_ingress'),
  row('tcx/egress', 'sched_cls', 'tcx_egress'),
  row('tc', 'sched_cls'),
  row('classifier', 'sched_cls'),
  row('action', 'sched_act'),
  row('netkit/primary', 'sched_cls', 'netkit_primary'),
  row('netkit/peer', 'sched_cls', 'netkit_peer'),
  row('tracepoint+', 'tracepoint'),
  row('tp+', 'tracepoint'),
  row('raw_tracepoint+', 'raw_tracepoint'),
  row('raw_tp+', 'raw_tracepoint'),
  row('raw_tracepoint.w+', 'raw_tracepoint_writable'),
  row('raw_tp.w+', 'raw_tracepoint_writable'),
  row('tp_btf+', 'tracing', 'trace_raw_tp'),
  row('fentry+', 'tracing', 'trace_fentry'),
  row('fmod_ret+', 'tracing', 'modify_return'),
  row('fexit+', 'tracing', 'trace_fexit'),
  row('fentry.s+', 'tracing', 'trace_fentry', SLEEPABLE),
  row('fmod_ret.s+', 'tracing', 'modify_return', SLEEPABLE),
  row('fexit.s+', 'tracing', 'trace_fexit', SLEEPABLE),
  row('freplace+', 'ext'),
  row('lsm+', 'lsm', 'lsm_mac'),
  row('lsm.s+', 'lsm', 'lsm_mac', SLEEPABLE),
  row('lsm_cgroup+', 'lsm', 'lsm_cgroup'),
  row('iter+', 'tracing', 'trace_iter'),
  row('iter.s+', 'tracing', 'trace_iter', SLEEPABLE),
  row('syscall', 'syscall', null, SLEEPABLE),
  row('xdp.frags/devmap', 'xdp', 'xdp_devmap', FRAGS),
  row('xdp/devmap', 'xdp', 'xdp_devmap'),
  row('xdp.frags/cpumap', 'xdp', 'xdp_cpumap', FRAGS),
  row('xdp/cpumap', 'xdp', 'xdp_cpumap'),
  row('xdp.frags', 'xdp', 'xdp', FRAGS),
  row('xdp', 'xdp', 'xdp'),
  row('perf_event', 'perf_event'),
  row('lwt_in', 'lwt_in'),
  row('lwt_out', 'lwt_out'),
  row('lwt_xmit', 'lwt_xmit'),
  row('lwt_seg6local', 'lwt_seg6local'),
  row('sockops', 'sock_ops', 'cgroup_sock_ops'),
  row('sk_skb/stream_parser', 'sk_skb', 'sk_skb_stream_parser'),
  row('sk_skb/stream_verdict', 'sk_skb', 'sk_skb_stream_verdict'),
  row('sk_skb/verdict', 'sk_skb', 'sk_skb_verdict'),
  row('sk_skb', 'sk_skb'),
  row('sk_msg', 'sk_msg', 'sk_msg_verdict'),
  row('lirc_mode2', 'lirc_mode2', 'lirc_mode2'),
  row('flow_dissector', 'flow_dissector', 'flow_dissector'),
  row('cgroup_skb/ingress', 'cgroup_skb', 'cgroup_inet_ingress'),
  row('cgroup_skb/egress', 'cgroup_skb', 'cgroup_inet_egress'),
  row('cgroup/skb', 'cgroup_skb'),
  row('cgroup/sock_create', 'cgroup_sock', 'cgroup_inet_sock_create'),
  row('cgroup/sock_release', 'cgroup_sock', 'cgroup_inet_sock_release'),
  row('cgroup/sock', 'cgroup_sock', 'cgroup_inet_sock_create'),
  row('cgroup/post_bind4', 'cgroup_sock', 'cgroup_inet4_post_bind'),
  row('cgroup/post_bind6', 'cgroup_sock', 'cgroup_inet6_post_bind'),
  row('cgroup/bind4', 'cgroup_sock_addr', 'cgroup_inet4_bind'),
  row('cgroup/bind6', 'cgroup_sock_addr', 'cgroup_inet6_bind'),
  row('cgroup/connect4', 'cgroup_sock_addr', 'cgroup_inet4_connect'),
  row('cgroup/connect6', 'cgroup_sock_addr', 'cgroup_inet6_connect'),
  row('cgroup/connect_unix', 'cgroup_sock_addr', 'cgroup_unix_connect'),
  row('cgroup/sendmsg4', 'cgroup_sock_addr', 'cgroup_udp4_sendmsg'),
  row('cgroup/sendmsg6', 'cgroup_sock_addr', 'cgroup_udp6_sendmsg'),
  row('cgroup/sendmsg_unix', 'cgroup_sock_addr', 'cgroup_unix_sendmsg'),
  row('cgroup/recvmsg4', 'cgroup_sock_addr', 'cgroup_udp4_recvmsg'),
  row('cgroup/recvmsg6', 'cgroup_sock_addr', 'cgroup_udp6_recvmsg'),
  row('cgroup/recvmsg_unix', 'cgroup_sock_addr', 'cgroup_unix_recvmsg'),
  row('cgroup/getpeername4', 'cgroup_sock_addr', 'cgroup_inet4_getpeername'),
  row('cgroup/getpeername6', 'cgroup_sock_addr', 'cgroup_inet6_getpeername'),
  row('cgroup/getpeername_unix', 'cgroup_sock_addr', 'cgroup_unix_getpeername'),
  row('cgroup/getsockname4', 'cgroup_sock_addr', 'cgroup_inet4_getsockname'),
  row('cgroup/getsockname6', 'cgroup_sock_addr', 'cgroup_inet6_getsockname'),
  row('cgroup/getsockname_unix', 'cgroup_sock_addr', 'cgroup_unix_getsockname'),
  row('cgroup/sysctl', 'cgroup_sysctl', 'cgroup_sysctl'),
  row('cgroup/getsockopt', 'cgroup_sockopt', 'cgroup_getsockopt'),
  row('cgroup/setsockopt', 'cgroup_sockopt', 'cgroup_setsockopt'),
  row('cgroup/dev', 'cgroup_device', 'cgroup_device'),
  row('struct_ops+', 'struct_ops'),
  row('struct_ops.s+', 'struct_ops', null, SLEEPABLE),
  row('sk_lookup', 'sk_lookup', 'sk_lookup'),
  row('netfilter', 'netfilter', 'netfilter'),
];

export interface SectionProgram extends SectionRow {
  /** False: the name began with `?`, and the program is not loaded unless someone asks for it. */
  readonly autoload: boolean;
}

/** What a program in the ELF section `name` is loaded as; undefined where libbpf knows no type for it. */
export function programTypeOfSection(name: string): SectionProgram | undefined {
  const autoload = !name.startsWith('?');
  const plain = autoload ? name : name.slice(1);
  const found = SECTION_ROWS.find(({ section }) => {
    if (!section.endsWith('+')) return section === plain;
    const prefix = section.slice(0, -1);
    return plain === prefix || plain.startsWith(`${prefix}/`);
  });
  return found && { ...found, autoload };
}
