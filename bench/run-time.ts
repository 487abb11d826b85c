/** Time of a run: every row on every subject that it has, all of them checked against each other first. */

import { kernelAvailable } from '../test/support/kernel/available.ts';
import { Kernel } from '../test/support/kernel/kernel.ts';
import { ENGINE_VARIANTS, type EngineVariant, engineSubject } from './engine-subject.ts';
import { kernelSubject } from './kernel-subject.ts';
import { measure, type Timing } from './measure.ts';
import { BENCH_ROWS, type BenchRow, EMPTY_ROW } from './rows.ts';
import type { Subject } from './subject.ts';
import { formatNs, formatRatio, formatTable, geometricMean } from './table.ts';
import { wasmSubject } from './wasm-subject.ts';

type Column = EngineVariant | 'kernel' | 'wasm';
const VARIANTS = Object.keys(ENGINE_VARIANTS) as EngineVariant[];

/** Nanoseconds of one call, floor subtracted; a column that a row does not have is missing. */
export interface RowTimes {
  readonly row: BenchRow;
  readonly minimum: Readonly<Partial<Record<Column, number>>>;
  readonly median: Readonly<Partial<Record<Column, number>>>;
}

export interface RunTimes {
  readonly rows: readonly RowTimes[];
  /** Of the empty program, which every figure of its column lacks. */
  readonly floors: Readonly<Partial<Record<Column, number>>>;
  readonly rounds: number;
  /** Why the kernel's column is missing; null: it is there. */
  readonly noKernel: string | null;
}

/** All subjects must give the same result, or nothing of this is a comparison. */
function checkAgreement(row: BenchRow, subjects: ReadonlyMap<Column, Subject>): void {
  const results = [...subjects].map(([column, subject]) => ({ column, result: subject.run(2).result }));
  if (new Set(results.map((one) => one.result)).size > 1) {
    throw new Error(`${row.name}: results differ: ${results.map((one) => `${one.column} ${one.result}`).join(', ')}`);
  }
}

export function measureRunTimes(seconds: number, rows: readonly BenchRow[] = BENCH_ROWS): RunTimes {
  const noKernel = kernelAvailable();
  using kernel = noKernel === null ? new Kernel() : undefined;
  const table = [EMPTY_ROW, ...rows].map((row) => {
    const subjects = new Map<Column, Subject>(VARIANTS.map((variant) => [variant, engineSubject(row, variant)]));
    if (kernel !== undefined) subjects.set('kernel', kernelSubject(kernel, row));
    if (row.hasWasm) subjects.set('wasm', wasmSubject(row));
    checkAgreement(row, subjects);
    return { row, subjects };
  });
  const flat = table.flatMap(({ subjects }) => [...subjects.values()]);
  const { timings, rounds } = measure(flat, seconds);
  const timingOf = new Map(flat.map((subject, index) => [subject, timings[index]!]));
  const pick = (subjects: ReadonlyMap<Column, Subject>, part: keyof Timing) =>
    Object.fromEntries([...subjects].map(([column, subject]) => [column, timingOf.get(subject)![part]]));

  const [empty, ...measured] = table;
  const floor = (part: keyof Timing) => pick(empty!.subjects, part) as Partial<Record<Column, number>>;
  const floors = { minimum: floor('minimum'), median: floor('median') };
  const times = ({ row, subjects }: (typeof table)[number], part: keyof Timing) =>
    Object.fromEntries(
      Object.entries(pick(subjects, part)).map(([column, ns]) => [
        column,
        Math.max(ns - (floors[part][column as Column] ?? 0), 0) / row.calls,
      ]),
    );
  return {
    rows: measured.map((one) => ({ row: one.row, minimum: times(one, 'minimum'), median: times(one, 'median') })),
    floors: floors.minimum,
    rounds,
    noKernel,
  };
}

/** Geometric mean and worst of the six programs' ratios between two columns; undefined when a figure is missing. */
export function summary(times: RunTimes, column: Column, base: Column): { mean: number; worst: number } | undefined {
  const ratios = times.rows
    .filter(({ row }) => row.group === 'six')
    .map(({ minimum }) => (minimum[column] ?? Number.NaN) / (minimum[base] ?? Number.NaN));
  return ratios.every(Number.isFinite) ? { mean: geometricMean(ratios), worst: Math.max(...ratios) } : undefined;
}

const HEAD = [
  'ns a run (minimum)',
  'checks',
  'no checks',
  'trace',
  'kernel',
  'wasm32',
  'checks/kernel',
  'no checks/kernel',
];
const MORE_HEAD = ['checks/wasm32', 'trace/checks', 'checks median', 'kernel median'];

export function describeRunTimes(times: RunTimes): string {
  const lines = times.rows.map(({ row, minimum, median }) => {
    const ns = (column: Column) => minimum[column] ?? Number.NaN;
    const ratio = (column: Column, base: Column) => formatRatio(ns(column) / ns(base));
    return [
      row.name,
      ...([...VARIANTS, 'kernel', 'wasm'] as const).map((column) => formatNs(ns(column))),
      ratio('checks', 'kernel'),
      ratio('unchecked', 'kernel'),
      ratio('checks', 'wasm'),
      ratio('trace', 'checks'),
      formatNs(median.checks ?? Number.NaN),
      formatNs(median.kernel ?? Number.NaN),
    ];
  });
  for (const [label, part] of [
    ['geometric mean of the six', 'mean'],
    ['worst of the six', 'worst'],
  ] as const) {
    const ratio = (column: Column, base: Column) => formatRatio(summary(times, column, base)?.[part] ?? Number.NaN);
    lines.push([
      label,
      '',
      '',
      '',
      '',
      '',
      ratio('checks', 'kernel'),
      ratio('unchecked', 'kernel'),
      ratio('checks', 'wasm'),
      ratio('trace', 'checks'),
    ]);
  }
  const floors = Object.entries(times.floors).map(([column, ns]) => `${column} ${formatNs(ns)}`);
  return [
    formatTable([...HEAD, ...MORE_HEAD], lines),
    `${times.rounds} rounds; subtracted for an empty program: ${floors.join(', ')} ns`,
    ...(times.noKernel === null ? [] : [`kernel: ${times.noKernel}`]),
  ].join('\n');
}
