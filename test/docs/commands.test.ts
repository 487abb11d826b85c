/** The pages with commands work: run one after the other in one shell against a running service, they give the answers that stand there. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { startServer } from '../support/process.ts';
import { assertSays } from '../support/says.ts';

const PAGES = ['docs/guide.md', 'README.md'];
/** The address of the service in the pages. */
const PAGE_URL = 'http://127.0.0.1:8080';

interface Example {
  readonly commands: string;
  readonly kind: 'json' | 'text';
  readonly answer: string;
}

function examplesOf(page: string): Example[] {
  return [...page.matchAll(/```sh run\n([\s\S]*?)\n```\n\n```(json|text) answer\n([\s\S]*?)\n```/g)].map(
    ([, commands, kind, answer]) => ({ commands: commands!, kind: kind as Example['kind'], answer: answer! }),
  );
}

/** Stands between the outputs of two examples. */
const MARK = '-----next-----';

/** JSON values one after the other: each begins at the start of a line, and the lines of one that goes on are indented or close it. */
function valuesOf(answer: string): unknown[] {
  return answer.split(/\n(?=\{)/).map((value) => JSON.parse(value));
}

/** JSON values as a service writes them: without any space, often without a line break between them. */
function valuesOfOutput(output: string): unknown[] {
  return output
    .replaceAll('}{', '}\n{')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** What the commands print, in one shell. */
async function run(t: TestContext, script: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-guide-'));
  symlinkSync(resolve('examples'), join(folder, 'examples'));
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [output, errors, [status]] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, 'exit')]);
  assert.equal(status, 0, errors);
  return output;
}

for (const path of PAGES) {
  const page = readFileSync(path, 'utf8');
  const examples = examplesOf(page);

  test(`${path}: every command has its answer behind it`, () => {
    assert.ok(examples.length > 0);
    assert.equal(examples.length, page.match(/^```sh run$/gm)?.length);
    assert.equal(examples.length, page.match(/^```(json|text) answer$/gm)?.length);
  });

  test(`${path}: the commands give the answers`, async (t) => {
    const { api } = await startServer(t, { command: process.execPath, arguments: ['src/server.ts'] });
    // Variables stand in a block of their own, since nothing answers them.
    const variables = /```sh\n(WAGGLE=.*\n[\s\S]*?)\n```/.exec(page)?.[1] ?? ':';
    const script = [variables, ...examples.map(({ commands }) => commands)].join(`\necho; echo ${MARK}\n`);
    const [, ...outputs] = (await run(t, script.replaceAll(PAGE_URL, api))).split(`\n${MARK}\n`);
    assert.equal(outputs.length, examples.length);
    for (const [place, { commands, kind, answer }] of examples.entries()) {
      const output = outputs[place]!;
      if (kind === 'text') {
        assert.equal(output.trimEnd(), answer, commands);
        continue;
      }
      const said = valuesOf(answer);
      const values = valuesOfOutput(output);
      assert.equal(values.length, said.length, `${commands}\n${output}`);
      for (const [number, value] of said.entries()) assertSays(value, values[number], commands);
    }
  });
}
