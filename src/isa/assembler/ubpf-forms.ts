import { ATOMIC_OPERATIONS, type MemorySize, OPCODES, type OpcodeRow } from '../opcodes.ts';

/** uBPF's mnemonics, one row each, from the opcode table turned round. */

/** What follows a mnemonic, and the fields that it sets. */
export type UbpfForm =
  /** `add %r1, 2`, `add %r1, %r2`; undefined where an operand of that kind does not exist. */
  | {
      readonly shape: 'binary';
      readonly imm: number | undefined;
      readonly reg: number | undefined;
      readonly offset: number;
    }
  /** `neg %r1`, `be16 %r1`. */
  | { readonly shape: 'unary'; readonly opcode: number; readonly imm: number }
  /** `jeq %r1, 2, label`. */
  | { readonly shape: 'jump'; readonly imm: number; readonly reg: number }
  /** `ja label`; `ja32` has its distance in imm. */
  | { readonly shape: 'goto'; readonly opcode: number; readonly field: 'offset' | 'imm' }
  /** `ldxw %r1, [%r2+4]`. */
  | { readonly shape: 'load'; readonly opcode: number }
  /** `stw [%r1+4], 2`. */
  | { readonly shape: 'store_imm'; readonly opcode: number }
  /** `stxw [%r1+4], %r2`. */
  | { readonly shape: 'store_reg'; readonly opcode: number }
  /** `ldabsw 4`, `ldindw %r1, 4`. */
  | { readonly shape: 'load_packet'; readonly opcode: number; readonly indirect: boolean }
  | { readonly shape: 'lddw' | 'call' | 'exit' | 'lock' };

const SIZE_LETTERS: Readonly<Record<MemorySize, string>> = { 1: 'b', 2: 'h', 4: 'w', 8: 'dw' };

type Row = readonly [mnemonic: string, form: UbpfForm];
type AluRow = Extract<OpcodeRow, { kind: 'alu' }>;
type JumpRow = Extract<OpcodeRow, { kind: 'jump' }>;

const rowsOf = <Kind extends OpcodeRow['kind']>(kind: Kind): Extract<OpcodeRow, { kind: Kind }>[] =>
  OPCODES.filter((row): row is Extract<OpcodeRow, { kind: Kind }> => row?.kind === kind);

/** A 32-bit operation has `32` behind its word, a 64-bit one has nothing. */
function suffix(width: 32 | 64): string {
  return width === 32 ? '32' : '';
}

const ALU = rowsOf('alu');
const JUMPS = rowsOf('jump');

function byOperand<Found extends AluRow | JumpRow>(rows: readonly Found[], same: (row: Found) => boolean) {
  const opcode = (operand: 'imm' | 'reg') => rows.find((row) => row.operand === operand && same(row))?.opcode;
  return { imm: opcode('imm'), reg: opcode('reg') };
}

function arithmeticRows(row: AluRow): Row[] {
  const { operation, width } = row;
  if (operation === 'neg') return [[`neg${suffix(width)}`, { shape: 'unary', opcode: row.opcode, imm: 0 }]];
  if (row.operand === 'imm') return [];
  const { imm, reg } = byOperand(ALU, (other) => other.operation === operation && other.width === width);
  const plain: Row = [`${operation}${suffix(width)}`, { shape: 'binary', imm, reg, offset: 0 }];
  if (operation === 'mov') {
    const extending = row.signedOffsets.map(
      (bits): Row => [`movsx${bits}${width}`, { shape: 'binary', imm: undefined, reg, offset: bits }],
    );
    return [plain, ...extending];
  }
  const signed = row.signedOffsets.map(
    (offset): Row => [`s${operation}${suffix(width)}`, { shape: 'binary', imm, reg, offset }],
  );
  return [plain, ...signed];
}

function jumpRows(row: JumpRow): Row[] {
  const { comparison, width } = row;
  const { imm, reg } = byOperand(JUMPS, (other) => other.comparison === comparison && other.width === width);
  if (imm === undefined || reg === undefined) throw new RangeError(`${comparison} has both operands`);
  return [[`${comparison}${suffix(width)}`, { shape: 'jump', imm, reg }]];
}

const ENDIAN_WIDTHS = [16, 32, 64] as const;
/** The unconditional swap has two names. */
const ENDIAN_WORDS = { le: ['le'], be: ['be'], swap: ['swap', 'bswap'] } as const;

/** Forms by mnemonic. */
export const UBPF_FORMS: ReadonlyMap<string, UbpfForm> = new Map<string, UbpfForm>([
  ...ALU.flatMap(arithmeticRows),
  ...rowsOf('endian').flatMap(({ operation, opcode }) =>
    ENDIAN_WORDS[operation].flatMap((word) =>
      ENDIAN_WIDTHS.map((imm): Row => [`${word}${imm}`, { shape: 'unary', opcode, imm }]),
    ),
  ),
  ...JUMPS.flatMap(jumpRows),
  ...rowsOf('goto').map(
    ({ long, opcode }): Row => [long ? 'ja32' : 'ja', { shape: 'goto', opcode, field: long ? 'imm' : 'offset' }],
  ),
  ...rowsOf('load').map(
    ({ signed, size, opcode }): Row => [`ldx${signed ? 's' : ''}${SIZE_LETTERS[size]}`, { shape: 'load', opcode }],
  ),
  ...rowsOf('store').map(
    ({ operand, size, opcode }): Row =>
      operand === 'imm'
        ? [`st${SIZE_LETTERS[size]}`, { shape: 'store_imm', opcode }]
        : [`stx${SIZE_LETTERS[size]}`, { shape: 'store_reg', opcode }],
  ),
  ...rowsOf('load_packet').map(
    ({ indirect, size, opcode }): Row => [
      `ld${indirect ? 'ind' : 'abs'}${SIZE_LETTERS[size]}`,
      { shape: 'load_packet', opcode, indirect },
    ],
  ),
  ['lddw', { shape: 'lddw' }],
  ['call', { shape: 'call' }],
  ['exit', { shape: 'exit' }],
  ['lock', { shape: 'lock' }],
]);

export interface UbpfLockForm {
  readonly opcode: number;
  readonly imm: number;
}

/** Atomic operations by the words after `lock`, as `fetch add32` and `cmpxchg`. */
export const UBPF_LOCK_FORMS: ReadonlyMap<string, UbpfLockForm> = new Map(
  rowsOf('atomic').flatMap(({ size, opcode }) =>
    ATOMIC_OPERATIONS.map(({ imm, operation, fetch }): [string, UbpfLockForm] => {
      const named = fetch && operation !== 'xchg' && operation !== 'cmpxchg';
      return [`${named ? 'fetch ' : ''}${operation}${suffix(size === 4 ? 32 : 64)}`, { opcode, imm }];
    }),
  ),
);
