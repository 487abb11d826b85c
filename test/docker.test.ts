/**
 * The image: built and run where Docker works. Everywhere else the same set of files, copied to an empty folder with only the
 * production packages, runs under another uid with a read-only root.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EXAMPLES } from '../src/api/examples.ts';
import { NO_ENGINE } from './support/engine.ts';
import { postRun, startServer } from './support/process.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const IMAGE = 'waggle-test';
/** uid and gid `nobody`. */
const OTHER_UID = '65534';

const works = (command: string, ...list: string[]): boolean =>
  spawnSync(command, list, { stdio: 'ignore', timeout: 20_000 }).status === 0;

const NO_DOCKER = works('docker', 'info') ? false : 'skipped: no Docker daemon answers here';
const NO_NAMESPACE =
  process.getuid?.() !== 0
    ? 'skipped: needs root'
    : works('unshare', '--mount', 'setpriv', '--reuid', OTHER_UID, 'true')
      ? false
      : 'skipped: unshare and setpriv do not work here';

/** Sources of the Dockerfile's COPY lines. */
async function copiedPaths(): Promise<string[]> {
  const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8');
  return dockerfile
    .split('\n')
    .filter((line) => line.startsWith('COPY '))
    .flatMap((line) => line.split(/\s+/).slice(1, -1));
}

interface LockedPackage {
  readonly dev?: boolean;
  readonly optional?: boolean;
}

/** The folders that `npm ci --omit=dev` would install. */
async function productionPackages(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true && existsSync(join(ROOT, path)))
    .map(([path]) => path);
}

/** A folder with what the image's /app holds, and a Node binary beside it. */
async function appFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'waggle-image-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  await copyFile(process.execPath, join(folder, 'node'));
  await mkdir(join(folder, 'app'));
  await mkdir(join(folder, 'data'));
  const nested = (path: string) => path.includes('/node_modules/');
  for (const path of [...(await copiedPaths()), ...(await productionPackages()).filter((one) => !nested(one))]) {
    const target = join(folder, 'app', path);
    await mkdir(dirname(target), { recursive: true });
    await cp(join(ROOT, path), target, { recursive: true });
  }
  return folder;
}

/** Everything read-only but /data of the folder; then the server as somebody else. A root that can still be written to ends it with 99. */
const CONFINED = `
set -e
mount --make-rprivate /
mount --bind "$FOLDER" "$FOLDER"
mount -t tmpfs -o size=16m,uid=${OTHER_UID} none "$FOLDER/data"
mount -o remount,bind,ro "$FOLDER"
mount -o remount,bind,ro /
if touch "$FOLDER/app/written" 2>/dev/null || touch /written 2>/dev/null; then exit 99; fi
cd "$FOLDER/app"
exec setpriv --reuid ${OTHER_UID} --regid ${OTHER_UID} --clear-groups --no-new-privs --bounding-set=-all "$FOLDER/node" src/server.ts
`;

async function servesTheExample(api: string): Promise<void> {
  assert.equal((await fetch(`${api}/livez`)).status, 200);
  assert.equal((await fetch(`${api}/docs`)).status, 200);
  if (NO_ENGINE !== false) return;
  assert.equal((await fetch(`${api}/readyz`)).status, 200);
  const result = (await (await postRun(api, EXAMPLES[0].body)).json()) as {
    outcome: { code: string };
    counters: { tailCalls: number };
  };
  assert.deepEqual([result.outcome.code, result.counters.tailCalls], ['exit', 1]);
}

test('the files of the image run as another user on a read-only root', { skip: NO_NAMESPACE }, async (t) => {
  const folder = await appFolder(t);
  const server = await startServer(t, {
    command: 'unshare',
    arguments: ['--mount', 'sh', '-c', CONFINED],
    environment: {
      FOLDER: folder,
      NODE_ENV: 'production',
      WAGGLE_HOST: '0.0.0.0',
      WAGGLE_ALLOW_ANONYMOUS: '1',
      WAGGLE_DATA_DIR: join(folder, 'data'),
    },
  });
  const status = await readFile(`/proc/${server.child.pid}/status`, 'utf8');
  assert.match(status, new RegExp(`^Uid:\\s+${OTHER_UID}\\s+${OTHER_UID}`, 'm'));
  assert.match(status, /^CapEff:\s+0+$/m);
  await servesTheExample(server.api);
  server.child.kill('SIGTERM');
  assert.equal(await server.exited, 0);
});

test('the image builds, and its container serves, stays unprivileged and ends with 0', {
  skip: NO_DOCKER,
  timeout: 600_000,
}, async (t) => {
  const docker = (...list: string[]): string => execFileSync('docker', list, { cwd: ROOT, encoding: 'utf8' }).trim();
  docker('build', '--tag', IMAGE, '.');
  const confined = '--read-only --cap-drop ALL --security-opt no-new-privileges'.split(' ');
  const options = [...confined, '--publish', '127.0.0.1::8080', '--env', 'WAGGLE_ALLOW_ANONYMOUS=1'];
  const container = docker('run', '--detach', ...options, IMAGE);
  t.after(() => docker('rm', '--force', '--volumes', container));
  const port = docker('port', container, '8080/tcp').split(':').at(-1);
  while (!docker('logs', container).includes('"msg":"ready"')) {
    assert.equal(docker('inspect', '--format', '{{.State.Running}}', container), 'true');
  }
  await servesTheExample(`http://127.0.0.1:${port}`);
  assert.notEqual(docker('exec', container, 'id', '-u'), '0');
  docker('stop', container);
  assert.equal(docker('inspect', '--format', '{{.State.ExitCode}}', container), '0');
});
