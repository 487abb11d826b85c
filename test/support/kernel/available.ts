import { Kernel } from './kernel.ts';

/** XDP program that returns 2: `r0 = 2; exit`. */
const PROBE = new Uint8Array([0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);

/**
 * Can this process load and test-run programs? null if so; else the reason, to be given as `skip` of a test or suite:
 * `test(name, { skip: kernelAvailable() ?? false }, …)`.
 */
export function kernelAvailable(): string | null {
  let kernel: Kernel;
  try {
    kernel = new Kernel();
  } catch (error) {
    return `skipped: no bpf(2) here: ${(error as Error).message}`;
  }
  using opened = kernel;
  const loaded = opened.load(
    {
      name: 'probe',
      type: 'xdp',
      attachType: null,
      flags: [],
      license: 'GPL',
      code: PROBE,
      functions: [{ name: 'probe', pc: 0, linkage: 'global', returns: undefined }],
      hasBtf: false,
      lines: [],
      section: '',
    },
    [],
  );
  if (loaded.descriptor === undefined) return `skipped: no bpf(2) here: ${loaded.errno}`;
  const run = opened.testRun(loaded.descriptor, { packet: new Uint8Array(64), context: null, repeat: 1 });
  return run.errno === null && run.returnValue === 2
    ? null
    : `skipped: no test run here: ${run.errno ?? `returned ${run.returnValue}`}`;
}
