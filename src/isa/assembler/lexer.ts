import { AssemblyError } from './error.ts';

/**
 * Splits one line of assembly into tokens. It knows no dialect: names, numbers and symbols mean nothing here.
 *
 * Comments run to the end of the line: `//` anywhere, `#` at the line's start or after white space (so not in
 * `bpf_tail_call#12`), and `;` at the line's start. Elsewhere `;` is a symbol, except in a listing's lines.
 */

export interface Token {
  readonly kind: 'name' | 'number' | 'symbol' | 'end';
  /** Empty for `end`. */
  readonly text: string;
  /** 1-based. */
  readonly column: number;
}

/** Longest number: `0b` and 64 digits; keeps the cost of reading one constant. */
export const MAX_NUMBER_CHARACTERS = 66;

/** Longest name of a label, function, helper or map; mangled C++ and Rust names need some hundred. */
export const MAX_NAME_CHARACTERS = 1_024;

const SYMBOLS: ReadonlySet<string> = new Set(
  's>>= s>= s<= s/= s%= s> s< <<= >>= == != <= >= += -= *= /= %= &= |= ^= < > = + - * % & ( ) [ ] , : ; #'.split(' '),
);
const LONGEST_SYMBOL = 4;
const LETTER_S = 0x73;

/**
 * @param source the line, without its end
 * @param line its 1-based number, for errors
 * @param listingEnd of a listing's line the offset after its columns, else undefined; a listing has one instruction in a line,
 *   and what follows a `;` is a comment (the verifier log's register states)
 * @returns the tokens; the last one is always `end`
 * @throws AssemblyError at a character that begins no token, a number that is too long, an annotation that does not end
 */
export function tokenize(source: string, line: number, listingEnd?: number): Token[] {
  const tokens: Token[] = [];
  let at = listingEnd ?? 0;
  while (at < source.length) {
    const code = source.charCodeAt(at);
    if (isSpace(code)) {
      at += 1;
      continue;
    }
    if (beginsComment(source, at, tokens.length === 0 || listingEnd !== undefined)) break;
    if (source[at] === '<' && tokens.at(-1)?.kind === 'number') {
      at = skipAnnotation(source, line, at);
      continue;
    }
    const token = nextToken(source, line, at, code);
    tokens.push(token);
    at += token.text.length;
  }
  tokens.push({ kind: 'end', text: '', column: at + 1 });
  return tokens;
}

function nextToken(source: string, line: number, at: number, code: number): Token {
  const column = at + 1;
  if (isDigit(code)) {
    const text = source.slice(at, endOfName(source, at));
    if (text.length > MAX_NUMBER_CHARACTERS) {
      throw new AssemblyError(line, column, `a number has at most ${MAX_NUMBER_CHARACTERS} characters`);
    }
    return { kind: 'number', text, column };
  }
  // The `s` of `s>` would also begin a name.
  const symbol = code === LETTER_S || !isNamePart(code) ? longestSymbol(source, at) : undefined;
  if (symbol !== undefined) return { kind: 'symbol', text: symbol, column };
  if (isNamePart(code)) {
    const text = source.slice(at, endOfName(source, at));
    if (text.length > MAX_NAME_CHARACTERS) {
      throw new AssemblyError(line, column, `a name has at most ${MAX_NAME_CHARACTERS} characters`);
    }
    return { kind: 'name', text, column };
  }
  const character = String.fromCodePoint(source.codePointAt(at) ?? code);
  throw new AssemblyError(line, column, `unexpected character ${JSON.stringify(character)}`);
}

function longestSymbol(source: string, at: number): string | undefined {
  for (let length = LONGEST_SYMBOL; length > 0; length -= 1) {
    const candidate = source.slice(at, at + length);
    if (SYMBOLS.has(candidate)) return candidate;
  }
  return undefined;
}

function beginsComment(source: string, at: number, semicolon: boolean): boolean {
  switch (source[at]) {
    case '/':
      return source[at + 1] === '/';
    case '#':
      return at === 0 || isSpace(source.charCodeAt(at - 1));
    case ';':
      return semicolon;
    default:
      return false;
  }
}

/** llvm-objdump explains a jump's number by `<f+0x10>`; a `<` after a number cannot be a comparison, whose left side is a register. */
function skipAnnotation(source: string, line: number, at: number): number {
  const end = source.indexOf('>', at);
  if (end < 0) throw new AssemblyError(line, at + 1, "expected '>' at the end of '<'");
  return end + 1;
}

function endOfName(source: string, at: number): number {
  let end = at + 1;
  while (end < source.length && isNamePart(source.charCodeAt(end))) end += 1;
  return end;
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isNamePart(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    isDigit(code) ||
    code === 0x5f ||
    code === 0x2e ||
    code === 0x24
  );
}
