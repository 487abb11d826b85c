import { cpus, release, type } from 'node:os';

/** The machine that figures of time belong to. */
export function machineName(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? process.arch;
  return `${processors.length} x ${model}, ${type()} ${release()}, Node ${process.versions.node}, V8 ${process.versions.v8}`;
}
