/** enum bpf_attach_type of uapi/linux/bpf.h, as far as tests use it. */
export const ATTACH_TYPE_NUMBERS: Readonly<Record<string, number>> = {
  cgroup_inet4_connect: 10,
  cgroup_getsockopt: 21,
  xdp_devmap: 33,
  xdp_cpumap: 35,
  sk_lookup: 36,
  xdp: 37,
  netfilter: 45,
  tcx_ingress: 46,
  tcx_egress: 47,
};
