/** docs/configuration.md, made of the schema of the environment and the table of limits. */

import { Settings } from '../../src/config.ts';
import { LIMIT_NAMES, LIMITS, leastOf, limitVariable } from '../../src/contract/limits.ts';
import { TIMEOUT_ORDER } from '../../src/contract/timeout-order.ts';

interface Setting {
  readonly default: string | number;
  readonly description: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
}

/** Where the default depends on the machine. */
const MACHINE_DEFAULTS: Readonly<Record<string, string>> = { WAGGLE_WORKERS: 'processors of the machine' };

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

const grouped = (value: number): string => value.toLocaleString('en-US');

/** 6291456 bytes as `6 MiB`, where it is a whole number of a larger unit; other numbers with commas. */
function amount(value: number, unit: string): string {
  if (unit !== 'bytes' || value === 0) return grouped(value);
  let place = 0;
  let left = value;
  for (; left % 1024 === 0 && place < BINARY_UNITS.length - 1; place++) left /= 1024;
  return `${grouped(left)} ${BINARY_UNITS[place]}`;
}

function settingRow([name, setting]: readonly [string, Setting]): readonly string[] {
  const { minimum, maximum } = setting;
  const values =
    setting.enum?.join(', ') ?? (minimum === undefined || maximum === undefined ? 'text' : `${minimum} to ${maximum}`);
  const initial = MACHINE_DEFAULTS[name] ?? (setting.default === '' ? '' : `\`${setting.default}\``);
  return [`\`${name}\``, initial, values, setting.description];
}

function limitRow(name: (typeof LIMIT_NAMES)[number]): readonly string[] {
  const { default: initial, most, unit, text } = LIMITS[name as keyof typeof LIMITS];
  const range = `${amount(leastOf(name), unit)} to ${amount(most, unit)}`;
  return [`\`${limitVariable(name)}\``, `\`${name}\``, amount(initial, unit), range, unit, text];
}

/** With columns as wide as their widest cell, as the formatter of this repository wants them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  return [cells[0]!, rule, ...cells.slice(1)].map(line).join('\n');
}

/** The whole page. */
export function configurationPage(): string {
  const settings = Object.entries(Settings.properties) as unknown as readonly (readonly [string, Setting])[];
  const orders = TIMEOUT_ORDER.map(({ inner, outer, why }) => [
    inner.map((name) => `\`${limitVariable(name)}\``).join(' + '),
    `\`${limitVariable(outer)}\``,
    why,
  ]);
  return `# Configuration

<!-- Made by \`npm run generate:docs\` from src/config.ts and src/contract/limits.ts. Changes belong there. -->

Everything is set in the environment, and read once at the start. An empty variable is one that is not set. A value that is wrong, or that does not
go with another one, stops the start with a message that begins with the variable's name. A variable that begins with \`WAGGLE_\` and means nothing
is named in a warning of the log.

## The service

${table(['variable', 'default', 'values', 'meaning'], settings.map(settingRow))}

## Limits

Each limit has a name, which problem documents quote and \`GET /v1/limits\` shows with the value in force, and a variable.

${table(['variable', 'limit', 'default', 'from, to', 'unit', 'meaning'], LIMIT_NAMES.map(limitRow))}

## Times in order

The inner times pass one after the other within the outer one, so that what ends first can still say why. A start with another order is refused.

${table(['inner', 'at most', 'since'], orders)}
`;
}
