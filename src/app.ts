/** Builds the service: what is shared, then plugins, then routes, in the order in which they stand here. It does not listen. */

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import websocket from '@fastify/websocket';
import Fastify, { type FastifyHttpOptions, type FastifyInstance, LogController } from 'fastify';
import { AcceptedRuns } from './api/accepted-runs.ts';
import { registerAdmission } from './api/admission.ts';
import { registerAuthentication } from './api/authentication.ts';
import { registerBatch } from './api/batch.ts';
import { registerBatches } from './api/batches.ts';
import { registerCors } from './api/cors.ts';
import { EventLoopDelay } from './api/event-loop-delay.ts';
import { curlToTry } from './api/examples.ts';
import { registerHealth } from './api/health.ts';
import { registerInfo } from './api/info.ts';
import { setJsonParser } from './api/json-body.ts';
import { KeyRing } from './api/key-ring.ts';
import { registerLimits } from './api/limits.ts';
import { Load, type Readings } from './api/load.ts';
import { LongReplies } from './api/long-replies.ts';
import { Memo } from './api/memo.ts';
import { refuseOtherMethods, watchMethods } from './api/methods.ts';
import { registerMetrics, registerMetricsSignpost } from './api/metrics.ts';
import { documentOptions, registerOpenApi } from './api/openapi.ts';
import {
  handleClientError,
  handleError,
  registerProblemPages,
  requireHost,
  setProblemHandlers,
} from './api/problems.ts';
import { registerProgram } from './api/program.ts';
import { registerPrograms } from './api/programs.ts';
import { Quotas } from './api/quotas.ts';
import { registerRun } from './api/run.ts';
import { registerRunEvents } from './api/run-events.ts';
import { registerRunPerfetto } from './api/run-perfetto.ts';
import { registerRunSteps } from './api/run-steps.ts';
import { registerRuns } from './api/runs.ts';
import { registerSandboxMaps } from './api/sandbox-maps.ts';
import { registerSandboxRuns } from './api/sandbox-runs.ts';
import { registerSandboxSlots } from './api/sandbox-slots.ts';
import { registerSandboxes } from './api/sandboxes.ts';
import type { Api, Lifecycle, Services } from './api/services.ts';
import { registerShares } from './api/shares.ts';
import { registerSnapshots } from './api/snapshots.ts';
import { StoredPrograms } from './api/stored-programs.ts';
import { RequestSpans, registerTraceParent } from './api/trace-parent.ts';
import { handleSocketError, registerTraces } from './api/traces.ts';
import { type Config, ConfigError } from './config.ts';
import { TRACE_SUBPROTOCOL } from './contract/trace.ts';
import { VERSION } from './contract/version.ts';
import { Metrics } from './metrics/metrics.ts';
import { type PoolObserver, RunPool } from './pool/pool.ts';
import { Sandboxes } from './sandboxes/sandboxes.ts';
import { DataFolderError } from './store/data-folder-error.ts';
import { keepSwept } from './store/keep-swept.ts';
import { KeptRuns } from './store/kept-runs.ts';
import { openSqliteStore } from './store/sqlite-store.ts';
import type { Store } from './store/store.ts';

/** The body of a run thread. */
export const WORKER_URL = new URL('../workers/run.ts', import.meta.url).href;
/** Connections that are too slow are looked for so often, ms. */
const CONNECTION_CHECK_MS = 1_000;
/** A request id that a client may bring along. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Nobody watches the loading thread. */
const UNOBSERVED: PoolObserver = { waited() {}, recycled() {}, probed() {} };

export interface Service {
  /** The API, for the main port. */
  readonly api: FastifyInstance;
  /** Metrics and health, for the admin port. */
  readonly admin: FastifyInstance;
  /** Where both listen; '' for what does not. */
  readonly urls: () => { readonly api: string; readonly admin: string };
  /** Text for a person who has just started it. */
  readonly greeting: (startupMs: number) => string;
  /** Stops taking work, answers what runs (cancelled after maxDrainMs), ends everything. */
  readonly close: () => Promise<void>;
}

export interface ServiceOptions {
  /** Another worker body, for tests. */
  readonly worker?: string;
  /** Milliseconds, of a clock that never goes back; for tests. */
  readonly now?: () => number;
  /** How full the process is; for tests. */
  readonly readings?: Readings;
  /** Where log lines go; default: standard output. */
  readonly logStream?: { write(line: string): void };
  /** Another store, for tests; it is closed with the service. */
  readonly store?: Store;
}

/** @throws ConfigError when the data folder cannot be used */
export async function buildService(
  config: Config,
  { worker = WORKER_URL, now = () => performance.now(), readings, logStream, store: ownStore }: ServiceOptions = {},
): Promise<Service> {
  const { limits, allowedOrigins } = config;
  const store = ownStore ?? (await openStore(config));
  const metrics = new Metrics();
  const pool = new RunPool({ worker, threads: config.workers, limits, observer: metrics });
  // The loading thread has no part in the gauges of the run threads.
  const loader = new RunPool({ worker, threads: 1, starts: 'with_first_task', limits, observer: UNOBSERVED });
  const sandboxes = new Sandboxes({ loader, store, limits });
  await sandboxes.open();
  const lifecycle: Lifecycle = { draining: false, onDrain: new Set() };
  const logger = { level: config.logLevel, ...(logStream === undefined ? {} : { stream: logStream }) };
  const spans = new RequestSpans();
  const common: FastifyHttpOptions<Server> = {
    logger,
    childLoggerFactory: (log, bindings, options, request) =>
      log.child({ ...bindings, traceId: spans.of(request as IncomingMessage).traceId }, options),
    // One line a run, and errors: a line for each request and each answer would say nothing more.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    requestTimeout: limits.maxRequestMs,
    keepAliveTimeout: limits.keepAliveMs,
    http: {
      headersTimeout: limits.maxHeadersMs,
      connectionsCheckingInterval: CONNECTION_CHECK_MS,
      maxHeaderSize: limits.maxHeaderBytes,
      // Its refusal would be no problem document; requireHost's is one.
      requireHostHeader: false,
    },
    // While it closes, the service answers by its own problem documents.
    return503OnClosing: false,
    clientErrorHandler: handleClientError,
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply),
  };

  const admin = Fastify(common) as unknown as FastifyInstance;
  setProblemHandlers(admin as unknown as Api);
  registerMetrics(admin, { metrics, pool, sandboxes });
  registerHealth(admin as unknown as Api, { pool, lifecycle });

  const runs = new KeptRuns(limits.maxReplayBytes, store.runs);
  const eventLoop = new EventLoopDelay();
  const ownReadings: Readings = {
    memoryBytes: () => process.memoryUsage.rss(),
    eventLoopDelayMs: () => eventLoop.milliseconds,
  };
  const services: Services = {
    quotas: new Quotas(limits, now),
    load: new Load(limits, readings ?? ownReadings, now),
    limits,
    allowedOrigins,
    pool,
    loader,
    sandboxes,
    metrics,
    memo: new Memo(limits.maxMemoBytes),
    runs,
    store,
    programs: new StoredPrograms(store.programs),
    lifecycle,
    adminUrl: () => urlOf(admin),
  };
  const api = Fastify({
    ...common,
    handlerTimeout: limits.maxHandlerMs,
    bodyLimit: limits.maxBodyBytes,
    // Fastify's defaults would drop unknown fields and turn "5" into 5.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allowUnionTypes: true } },
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as Api;
  api.server.maxConnections = limits.maxConnections;
  api.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  registerTraceParent(api, spans);
  requireHost(api);
  api.addHook('onResponse', async (request, reply) => {
    metrics.observeRequest(request.method, request.routeOptions.url, reply.statusCode, reply.elapsedTime / 1000);
  });
  setJsonParser(api);
  setProblemHandlers(api);
  await api.register(helmet, {
    // The service speaks plain HTTP; what stands in front of it may promise more.
    hsts: false,
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  });
  registerCors(api, allowedOrigins);
  await api.register(websocket, {
    errorHandler: handleSocketError,
    options: {
      maxPayload: limits.maxBodyBytes,
      perMessageDeflate: false,
      handleProtocols: (offered: Set<string>) => (offered.has(TRACE_SUBPROTOCOL) ? TRACE_SUBPROTOCOL : false),
    },
  });
  const keys = new KeyRing(config.apiKeys);
  registerAuthentication(api, keys);
  registerAdmission(api, services);
  await api.register(swagger, documentOptions(keys.isRequired));
  await api.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  const stopSweeping = keepSwept(store, (error) => api.log.error({ err: error }, 'the store could not be swept'));
  const methods = watchMethods(api);

  const accepted = new AcceptedRuns(api, services);
  registerRuns(api, services, accepted);
  registerRun(api, services);
  registerRunSteps(api, services);
  const longReplies = new LongReplies(services);
  registerBatches(api, services, { replies: longReplies, accepted });
  registerBatch(api, services, accepted);
  registerRunEvents(api, services, longReplies);
  registerRunPerfetto(api, services, longReplies);
  registerSandboxes(api, services);
  registerSandboxRuns(api, services);
  registerSandboxMaps(api, services);
  registerSandboxSlots(api, services);
  registerSnapshots(api, services);
  await registerPrograms(api, services);
  registerProgram(api, services);
  registerShares(api, services);
  registerTraces(api, services);
  registerInfo(api);
  registerLimits(api, services);
  registerHealth(api, services);
  registerMetricsSignpost(api, services);
  registerOpenApi(api);
  registerProblemPages(api);
  metrics.addRoutes([...methods].flatMap(([route, taken]) => [...taken].map((method) => ({ method, route }))));
  refuseOtherMethods(api, methods);
  await Promise.all([api.ready(), admin.ready()]);
  await accepted.recover();

  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    lifecycle.draining = true;
    const settled = pool.drain();
    const cancel = setTimeout(() => pool.cancelAll(), limits.maxDrainMs);
    // Until the last run is answered the port stays open, so that new requests hear `draining` and not a broken connection.
    await Promise.all([settled, ...[...lifecycle.onDrain].map((listener) => listener(limits.maxDrainMs))]);
    await api.close();
    clearTimeout(cancel);
    await pool.close();
    for (const error of await sandboxes.close()) api.log.error({ err: error }, 'a sandbox was not put into the store');
    await loader.close();
    stopSweeping();
    await store.close();
    await admin.close();
    eventLoop.close();
  };
  return {
    api: api as unknown as FastifyInstance,
    admin,
    urls: () => ({ api: urlOf(api as unknown as FastifyInstance), admin: urlOf(admin) }),
    greeting: (startupMs) => greeting(urlOf(api as unknown as FastifyInstance), urlOf(admin), startupMs),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function openStore({ dataDir, limits }: Config): Promise<Store> {
  try {
    return await openSqliteStore(dataDir, { quota: limits });
  } catch (error) {
    if (!(error instanceof DataFolderError)) throw error;
    throw new ConfigError(`WAGGLE_DATA_DIR: ${error.message}`, { cause: error });
  }
}

function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** The address that an instance listens on, as a URL; '' when it does not listen. */
function urlOf(app: FastifyInstance): string {
  const address = app.server.address();
  if (address === null || typeof address === 'string') return '';
  // Every interface is reached by the loopback address too, and a URL of 0.0.0.0 is none.
  const host = address.address === '0.0.0.0' ? '127.0.0.1' : address.address === '::' ? '::1' : address.address;
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

function greeting(api: string, admin: string, startupMs: number): string {
  return `
Waggle ${VERSION} is ready after ${Math.round(startupMs)} ms.
  API      ${api}/v1/runs
  docs     ${api}/docs
  metrics  ${admin}/metrics

Try:
${curlToTry(api)}

`;
}
