/** The environment as one schema and one frozen value; a wrong value is an error that names its variable. */

import { availableParallelism } from 'node:os';
import { envSchema } from 'env-schema';
import { type Static, Type } from 'typebox';
import { type ApiKey, readApiKeys } from './api-keys.ts';
import { LIMIT_NAMES, LIMITS, type Limits, leastOf, limitVariable } from './contract/limits.ts';
import { timeoutFault } from './contract/timeout-order.ts';

const Port = (options: object) => Type.Integer({ minimum: 0, maximum: 65_535, ...options });
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const MAX_WORKERS = 256;

/** What can be set beside the limits. Each with a description: docs/configuration.md is made of it. */
export const Settings = Type.Object({
  WAGGLE_HOST: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    description:
      'The address that both ports listen on. Another one than loopback is refused without `WAGGLE_API_KEYS`, unless `WAGGLE_ALLOW_ANONYMOUS` is 1. The image sets `0.0.0.0`.',
  }),
  WAGGLE_PORT: Port({ default: 8080, description: 'The port of the API. 0: any free port, which the log names.' }),
  WAGGLE_ADMIN_PORT: Port({
    default: 9464,
    description: 'The port of `/metrics`, `/livez` and `/readyz`, which need no key. 0: any free port.',
  }),
  WAGGLE_DATA_DIR: Type.String({
    default: './data',
    minLength: 1,
    description: 'The folder of the store, made when it is not there. One process at a time. The image sets `/data`.',
  }),
  WAGGLE_WORKERS: Type.Integer({
    minimum: 1,
    maximum: MAX_WORKERS,
    default: availableParallelism(),
    description: 'Threads for runs. One more thread loads and verifies, one more has the store.',
  }),
  WAGGLE_API_KEYS: Type.String({
    default: '',
    description:
      'Who may use the service: entries `id:secret` or `id:sha256=<64 hex digits>` (the SHA-256 of the secret), separated by commas. A secret has 32 to 256 characters; an id that stands twice has two good secrets. Empty: everybody is the tenant `anonymous`.',
  }),
  WAGGLE_ALLOWED_ORIGINS: Type.String({
    default: '',
    description: 'Web pages that may use the service: origins such as `https://example.org`, separated by commas.',
  }),
  WAGGLE_ALLOW_ANONYMOUS: Type.Unsafe<'0' | '1'>({
    type: 'string',
    enum: ['0', '1'],
    default: '0',
    description: '1: without keys anybody who can reach the address may run programs.',
  }),
  WAGGLE_LOG_LEVEL: Type.Unsafe<LogLevel>({
    type: 'string',
    enum: [...LOG_LEVELS],
    default: 'info',
    description: 'Log lines of this level and above go to standard output, each a JSON object.',
  }),
});

const LimitSettings = Type.Object(
  Object.fromEntries(
    LIMIT_NAMES.map((name) => [
      limitVariable(name),
      Type.Integer({ minimum: leastOf(name), maximum: LIMITS[name].most, default: LIMITS[name].default }),
    ]),
  ),
);

const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '::1'];

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly adminPort: number;
  readonly dataDir: string;
  readonly workers: number;
  /** Who may use the service; empty: everybody. */
  readonly apiKeys: readonly ApiKey[];
  readonly allowedOrigins: readonly string[];
  readonly logLevel: LogLevel;
  readonly limits: Limits;
  /** Names that begin with WAGGLE_ and mean nothing here: most likely misspelt. */
  readonly unknownVariables: readonly string[];
}

/** A configuration that must not start; the message begins with the variable's name. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the configuration from an environment.
 * Throws ConfigError for a wrong value, and for an address beyond loopback that would serve anybody: without keys it takes
 * WAGGLE_ALLOW_ANONYMOUS=1.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const schema = Type.Object({ ...Settings.properties, ...LimitSettings.properties });
  // An empty variable (`WAGGLE_PORT=`) is what compose files write for "not set".
  const data = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  let settings: Static<typeof Settings> & Readonly<Record<string, number>>;
  try {
    settings = envSchema({ schema, data, env: false }) as typeof settings;
  } catch (error) {
    throw new ConfigError((error as Error).message.replaceAll('env/', ''), { cause: error });
  }
  const apiKeys = readKeys(settings.WAGGLE_API_KEYS);
  const isOpen = apiKeys.length === 0;
  if (isOpen && !LOOPBACK_HOSTS.includes(settings.WAGGLE_HOST) && settings.WAGGLE_ALLOW_ANONYMOUS !== '1') {
    throw new ConfigError(
      `WAGGLE_HOST: ${settings.WAGGLE_HOST} is not a loopback address, and without keys anybody could run programs; ` +
        'set WAGGLE_API_KEYS=<id>:<secret>, or WAGGLE_ALLOW_ANONYMOUS=1 if that is meant',
    );
  }
  if (settings.WAGGLE_PORT !== 0 && settings.WAGGLE_PORT === settings.WAGGLE_ADMIN_PORT) {
    throw new ConfigError('WAGGLE_ADMIN_PORT: must differ from WAGGLE_PORT');
  }
  const limits = Object.fromEntries(
    LIMIT_NAMES.map((name) => [name, settings[limitVariable(name)]]),
  ) as unknown as Limits;
  const fault = timeoutFault(limits);
  if (fault !== null) throw new ConfigError(fault);
  return Object.freeze({
    host: settings.WAGGLE_HOST,
    port: settings.WAGGLE_PORT,
    adminPort: settings.WAGGLE_ADMIN_PORT,
    dataDir: settings.WAGGLE_DATA_DIR,
    workers: settings.WAGGLE_WORKERS,
    apiKeys: Object.freeze(apiKeys),
    allowedOrigins: Object.freeze(readOrigins(settings.WAGGLE_ALLOWED_ORIGINS)),
    logLevel: settings.WAGGLE_LOG_LEVEL,
    limits: Object.freeze(limits),
    unknownVariables: Object.freeze(
      Object.keys(environment).filter((name) => name.startsWith('WAGGLE_') && !(name in schema.properties)),
    ),
  });
}

function readKeys(list: string): ApiKey[] {
  try {
    return readApiKeys(list);
  } catch (error) {
    throw new ConfigError(`WAGGLE_API_KEYS: ${(error as Error).message}`, { cause: error });
  }
}

/** Origins separated by commas, each as a browser sends it: scheme, host, port, nothing after. */
function readOrigins(list: string): string[] {
  const origins = list
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '');
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new ConfigError(`WAGGLE_ALLOWED_ORIGINS: ${origin} is not an origin such as https://example.org`);
    }
  }
  return origins;
}
