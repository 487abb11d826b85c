import { AssemblyError } from './error.ts';
import type { Token } from './lexer.ts';

/** Reads the tokens of one line from left to right. Every `expect` method raises AssemblyError at the token that disappoints. */
export class Cursor {
  readonly line: number;
  readonly #tokens: readonly Token[];
  #position = 0;

  /** @param tokens as `tokenize` returns them, with `end` as the last one */
  constructor(tokens: readonly Token[], line: number) {
    this.#tokens = tokens;
    this.line = line;
  }

  /** The token `ahead` of the next one, without taking it; past the end it is `end`. */
  peek(ahead = 0): Token {
    const token = this.#tokens[this.#position + ahead] ?? this.#tokens.at(-1);
    if (token === undefined) throw new RangeError('a line has at least its end token');
    return token;
  }

  /** Takes the next token; `end` is never passed. */
  take(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#position += 1;
    return token;
  }

  /** Whether the token is this symbol or name. */
  is(text: string, ahead = 0): boolean {
    return this.peek(ahead).text === text;
  }

  /** Takes the next token if it is this symbol or name. */
  accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.#position += 1;
    return true;
  }

  expect(text: string): Token {
    return this.is(text) ? this.take() : this.fail(`'${text}'`);
  }

  /** @param what the error's words for what should stand here */
  expectName(what: string): Token {
    return this.peek().kind === 'name' ? this.take() : this.fail(what);
  }

  /** Whether a statement ends here: at the line's end or at `;`. */
  atEnd(): boolean {
    return this.peek().kind === 'end' || this.is(';');
  }

  /** @throws AssemblyError that says what was expected at the next token, and what stands there */
  fail(expected: string): never {
    const token = this.peek();
    throw this.error(
      token,
      `expected ${expected}, found ${token.kind === 'end' ? 'the end of the line' : `'${token.text}'`}`,
    );
  }

  error(token: Token, message: string): AssemblyError {
    return new AssemblyError(this.line, token.column, message);
  }
}
