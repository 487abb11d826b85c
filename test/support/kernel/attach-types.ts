/** enum bpf_attach_type of uapi/linux/bpf.h, as far as tests use it. */
export const ATTACH_TYPE_NUMBERS: Readonly<Record<string, number>> = {
  xdp_devmap: 33,
  xdp_cpumap: 35,
  xdp: 37,
  tcx_ingress: 46,
  tcx_egress: 47,
};
