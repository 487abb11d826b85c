/** What api.md describes and a later version brings: refused with `not_implemented`, and listed in /v1/info. */

/** Features inside the body of a run. */
export const LATER_FEATURES = {
  pcap: 'A capture as input (input.pcap).',
  innerMap: 'Maps of maps (maps[].inner).',
  mapExtra: 'map_extra (maps[].mapExtra).',
  cpu: 'The CPU that a run sees (cpu).',
  environment: 'A described environment (environment).',
  kconfig: 'Kernel configuration values (kconfig).',
  btf: "A kernel's BTF (btf).",
} as const;

export type LaterFeature = keyof typeof LATER_FEATURES;

/** First path segments under /v1 that are documented but not served yet. */
export const LATER_RESOURCES = ['inputs'] as const;
