/** The process: reads the environment, listens, and drains when it is told to stop. */

import closeWithGrace from 'close-with-grace';
import { buildService } from './app.ts';
import { type Config, ConfigError, readConfig } from './config.ts';

/** Time beyond maxDrainMs until a process that hangs is ended, ms. */
const CLOSE_GRACE_MS = 10_000;

/** Ends a start that cannot succeed, with a reason for a person. */
function giveUp(reason: string): never {
  process.stderr.write(`waggle: ${reason}\n`);
  process.exit(1);
}

/** What a wrong configuration throws becomes the reason. */
function giveUpOnConfig(error: unknown): never {
  if (!(error instanceof ConfigError)) throw error;
  return giveUp(error.message);
}

function readConfigOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    return giveUpOnConfig(error);
  }
}

const config = readConfigOrExit();
const service = await buildService(config).catch(giveUpOnConfig);
const { log } = service.api;
if (config.unknownVariables.length > 0)
  log.warn({ variables: config.unknownVariables }, 'variables that mean nothing here');

closeWithGrace({ delay: config.limits.maxDrainMs + CLOSE_GRACE_MS, logger: false }, async ({ signal, err }) => {
  if (err !== undefined) log.fatal({ err }, 'ended by a defect');
  log.info({ signal }, 'draining');
  await service.close();
  log.info('drained');
});

try {
  await service.api.listen({ host: config.host, port: config.port });
  await service.admin.listen({ host: config.host, port: config.adminPort });
} catch (error) {
  giveUp(`cannot listen: ${(error as Error).message}`);
}
const startupMs = Math.round(performance.now());
log.info({ ...service.urls(), startupMs }, 'ready');
// To standard error, so that standard output stays one JSON line a time.
process.stderr.write(service.greeting(startupMs));
