/** Text that is no assembly. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError';
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 code units; a tab counts 1. */
  readonly column: number;

  constructor(line: number, column: number, message: string) {
    super(message);
    this.line = line;
    this.column = column;
  }
}
