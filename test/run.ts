/**
 * `npm test`: everything that a fresh machine can run. System packages that some suites need are installed when this is root on Debian or
 * Ubuntu; elsewhere those suites skip themselves and print the reason.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';

/** Debian packages by the command that shows they are there. */
const SYSTEM_PACKAGES = [
  { command: 'setpriv', name: 'util-linux', neededBy: 'test/docker.test.ts' },
  { command: 'promtool', name: 'prometheus', neededBy: 'test/deploy/prometheus.test.ts' },
] as const;

/** Line coverage of src/ in percent below which the run fails. */
const MINIMUM_LINE_COVERAGE = 90;

function hasCommand(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

function installSystemPackages(): void {
  const missing = SYSTEM_PACKAGES.filter((row) => !hasCommand(row.command));
  if (missing.length === 0) return;
  const names = missing.map((row) => row.name);
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    for (const row of missing)
      console.log(`not installed: ${row.name} (this is not root on Debian); ${row.neededBy} will skip`);
    return;
  }
  console.log(`installing ${names.join(' ')}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 'ignore', 'inherit'], env: environment });
  const done = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: environment,
  });
  if (done.status !== 0) console.log(`could not install ${names.join(' ')}: the suites that need them will skip`);
}

installSystemPackages();
const files = globSync('test/**/*.test.ts').sort();
const tests = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    '--experimental-test-coverage',
    '--test-coverage-include=src/**/*.ts',
    `--test-coverage-lines=${MINIMUM_LINE_COVERAGE}`,
    ...files,
  ],
  { stdio: 'inherit' },
);
process.exitCode = tests.status ?? 1;
