/**
 * Every limit of the service: name, default, unit, meaning. /v1/limits shows this table, problems quote its names, and each can be set
 * with the environment variable that `limitVariable` derives from the name (maxWallMs -> WAGGLE_MAX_WALL_MS).
 */

const KIB = 1024;
const MIB = 1024 * KIB;

interface LimitRow {
  readonly default: number;
  /** The lowest value that an operator may set; 1 where nothing is said. 0 is said to mean something in the text. */
  readonly least?: number;
  /** The highest value that an operator may set. */
  readonly most: number;
  readonly unit: string;
  readonly text: string;
}

export const LIMITS = {
  // One run: ceilings of what a caller may ask for.
  maxInstructions: { default: 1e10, most: 1e15, unit: 'instructions', text: 'Ceiling of budgets.instructions.' },
  maxWallMs: { default: 60_000, most: 3_600_000, unit: 'ms', text: 'Ceiling of budgets.wallMs.' },
  maxMemoryBytes: { default: 256 * MIB, most: 448 * MIB, unit: 'bytes', text: 'Ceiling of budgets.memoryBytes.' },
  maxTraceBytes: { default: 64 * MIB, most: 1024 * MIB, unit: 'bytes', text: 'Ceiling of budgets.traceBytes.' },
  maxRepeat: { default: 100_000, most: 1e6, unit: 'repetitions', text: 'Ceiling of repeat.' },
  // One request: what its parts may hold.
  maxPrograms: {
    default: 256,
    most: 65_536,
    unit: 'programs',
    text: 'Programs of a run, those of its object included.',
  },
  maxMaps: { default: 256, most: 1_024, unit: 'maps', text: 'Maps of a run, those of its object included.' },
  maxMapSettings: {
    default: 65_536,
    most: 1e7,
    unit: 'elements',
    text: 'Slots and entries of a request, all maps together.',
  },
  maxInstructionsPerProgram: {
    default: 1_000_000,
    most: 1_000_000,
    unit: 'instructions',
    text: 'Instructions of one program.',
  },
  maxInstructionsPerRun: {
    default: 100_000,
    most: 1_000_000,
    unit: 'instructions',
    text: 'Instructions of all programs of a run together.',
  },
  maxInstructionsPerFunction: {
    default: 10_000,
    most: 10_000,
    unit: 'instructions',
    text: 'Instructions of one function of a program.',
  },
  maxInstructionsPerIrreducibleFunction: {
    default: 4_096,
    most: 4_096,
    unit: 'instructions',
    text: 'Instructions of a function in which some loop has more than one entry.',
  },
  maxBlocksPerFunction: {
    default: 4_096,
    most: 4_096,
    unit: 'basic blocks',
    text: 'Basic blocks of one function of a program.',
  },
  maxBackEdgesPerFunction: {
    default: 2_048,
    most: 2_048,
    unit: 'jumps',
    text: 'Ways of one function from a basic block to one that comes before it.',
  },
  maxBlocksPerIrreducibleFunction: {
    default: 1_024,
    most: 1_024,
    unit: 'basic blocks',
    text: 'Basic blocks of a function in which some loop has more than one entry.',
  },
  maxModuleBytes: {
    default: 8 * MIB,
    most: 8 * MIB,
    unit: 'bytes',
    text: 'Size of one program after its translation to WebAssembly.',
  },
  maxFillProbes: {
    default: 20_000_000,
    most: 1e9,
    unit: 'elements',
    text: 'Elements looked at while the initial entries of hash maps are put in.',
  },
  maxReturnedMapBytes: {
    default: 16 * MIB,
    most: 128 * MIB,
    unit: 'bytes',
    text: 'Keys and values that the maps named in return.maps may hold together.',
  },
  maxPrintLines: {
    default: 4_096,
    most: 65_536,
    unit: 'lines',
    text: 'Lines of bpf_trace_printk that a result keeps and a trace tells; counters.prints counts all.',
  },
  maxMapLines: {
    default: 4_096,
    most: 65_536,
    unit: 'lines',
    text: 'Writes of helpers to maps that a trace tells while the run goes on (its steps have all of them).',
  },
  maxObjectBytes: { default: 4 * MIB, most: 64 * MIB, unit: 'bytes', text: 'Size of an ELF object.' },
  maxPacketBytes: { default: MIB, most: MIB, unit: 'bytes', text: 'Size of input.packet.' },
  maxBodyBytes: { default: 6 * MIB, most: 128 * MIB, unit: 'bytes', text: 'Size of a request body.' },
  maxBodyBytesBesideObject: {
    default: MIB,
    most: 128 * MIB,
    unit: 'bytes',
    text: 'Size of a request body without its inline object.',
  },
  maxProgramFormBytes: {
    default: 32 * MIB,
    most: 128 * MIB,
    unit: 'bytes',
    text: 'Stored form of the programs of one POST /v1/programs together: instructions, contents of maps, source lines.',
  },
  maxProgramViewBytes: {
    default: 32 * MIB,
    most: 256 * MIB,
    unit: 'bytes',
    text: 'Disassembly or graph of one stored program.',
  },
  maxBatchItems: { default: 1_000, most: 100_000, unit: 'items', text: 'Runs of one batch.' },
  maxBatchBytes: {
    default: 16 * MIB,
    most: 128 * MIB,
    unit: 'bytes',
    text: 'Size of the body of a batch in NDJSON; in JSON it is maxBodyBytes.',
  },
  // Time travel: what is kept of finished runs, and what a replay may take.
  maxReplayBytes: {
    default: 256 * MIB,
    most: 16 * 1024 * MIB,
    unit: 'bytes',
    text: 'Finished runs that are kept for their id: result, request and slot changes. The least recently used leave first.',
  },
  maxMemoBytes: {
    default: 64 * MIB,
    least: 0,
    most: 16 * 1024 * MIB,
    unit: 'bytes',
    text: 'Results that are remembered for a request that comes again. 0: each request is run.',
  },
  maxReplayMs: {
    default: 60_000,
    most: 3_600_000,
    unit: 'ms',
    text: 'Time that the replay of a run may take up to the step that was asked for.',
  },
  maxBatchResultBytes: {
    default: 64 * MIB,
    most: 256 * MIB,
    unit: 'bytes',
    text: 'Lines that are stored of an asynchronous batch; the items behind them are answered limit_exceeded.',
  },
  // Asynchronous runs and batches.
  maxAcceptedRuns: {
    default: 10_000,
    most: 1e6,
    unit: 'runs',
    text: 'Asynchronous runs and batches of one tenant that have not ended; one more is answered 429.',
  },
  maxResultMs: {
    default: 86_400_000,
    most: 31_536_000_000,
    unit: 'ms',
    text: 'Time for which the result of an asynchronous run or batch is kept, and its Idempotency-Key.',
  },
  // The store: what one tenant may keep, and for how long.
  maxStoredItems: {
    default: 100_000,
    most: 1e9,
    unit: 'items',
    text: 'Programs, asynchronous runs, batches and shares that one tenant may keep together.',
  },
  maxStoredBytes: {
    default: 1024 * MIB,
    most: 1e15,
    unit: 'bytes',
    text: 'Size of the programs, asynchronous runs, batches and shares that one tenant may keep together.',
  },
  // What one client may ask for, and what the process may take.
  maxRequestsPerMinute: {
    default: 0,
    least: 0,
    most: 999_999_999_999_999,
    unit: 'requests/min',
    text: 'Requests under /v1 of one client: of a key, or of an address where no keys are set. 0: no limit.',
  },
  maxInstructionsPerMinute: {
    default: 0,
    least: 0,
    most: 999_999_999_999_999,
    unit: 'instructions/min',
    text: "Instructions that one client's runs execute, counted when a run has ended; who owes some waits. 0: no limit.",
  },
  maxProcessBytes: {
    default: 0,
    least: 0,
    most: 2 ** 50,
    unit: 'bytes',
    text: "Memory of the process; new work is refused from 80 % on. 0: that of its control group, or else the machine's.",
  },
  maxEventLoopDelayMs: {
    default: 5_000,
    least: 0,
    most: 600_000,
    unit: 'ms',
    text: 'How late the event loop may be; from here on new work is refused. 0: any time.',
  },
  maxShareTtl: {
    default: 31_536_000,
    most: 315_360_000,
    unit: 's',
    text: 'Ceiling of expiresIn of a share.',
  },
  defaultShareTtl: {
    default: 2_592_000,
    most: 315_360_000,
    unit: 's',
    text: 'Life of a share that asks for none; at most maxShareTtl.',
  },
  // One connection and one request. Their order is checked at start (timeout-order.ts).
  maxConnections: {
    default: 4_096,
    most: 1e6,
    unit: 'connections',
    text: 'Open connections to the main port; one more is closed at once.',
  },
  maxHeaderBytes: {
    default: 16 * KIB,
    most: MIB,
    unit: 'bytes',
    text: 'Size of a request line and its header fields; then 431.',
  },
  maxHeadersMs: {
    default: 10_000,
    most: 600_000,
    unit: 'ms',
    text: 'Time for the header fields of a request; then 408.',
  },
  maxRequestMs: { default: 30_000, most: 3_600_000, unit: 'ms', text: 'Time for a whole request to arrive; then 408.' },
  maxHandlerMs: {
    default: 160_000,
    most: 2_147_483_647,
    unit: 'ms',
    text: 'Time from the header fields of a request to its answer, streams excepted; then 503.',
  },
  keepAliveMs: {
    default: 72_000,
    most: 3_600_000,
    unit: 'ms',
    text: 'Time that an idle connection stays open between two requests.',
  },
  proxyTimeoutMs: {
    default: 0,
    least: 0,
    most: 2_147_483_647,
    unit: 'ms',
    text: 'Time after which a proxy in front gives up: only checked against the times above. 0: there is none.',
  },
  // The queue of runs.
  queueLimit: {
    default: 256,
    most: 1e6,
    unit: 'runs',
    text: 'Runs that may wait for a thread; one more is answered 429. One client may have as many of them as places are free, so half of them.',
  },
  maxQueueMs: {
    default: 10_000,
    most: 3_600_000,
    unit: 'ms',
    text: 'Longest wait for a thread; then expired_in_queue.',
  },
  maxAnswerGraceMs: {
    default: 5_000,
    most: 600_000,
    unit: 'ms',
    text: 'Time for loading and answering beyond budgets.wallMs; then the thread is replaced (worker_lost).',
  },
  maxLoadMs: {
    default: 30_000,
    most: 600_000,
    unit: 'ms',
    text: 'Time for loading a sandbox or a program, or for a command on a map; then the loading thread is replaced.',
  },
  maxSandboxes: {
    default: 16_384,
    most: 1_000_000,
    unit: 'sandboxes',
    text: 'Sandboxes that one tenant may have.',
  },
  maxSandboxBytes: {
    default: 64 * MIB,
    most: 448 * MIB,
    unit: 'bytes',
    text: 'Memory that the maps of one sandbox may take.',
  },
  maxSandboxesBytes: {
    default: 1024 * MIB,
    most: 64 * 1024 * MIB,
    unit: 'bytes',
    text: 'Memory that all sandboxes together take while they are idle; one tenant may take seven times what is free.',
  },
  maxSnapshots: {
    default: 100,
    most: 100_000,
    unit: 'snapshots',
    text: 'Snapshots of sandboxes that one tenant may have; each has at most maxSandboxBytes, and the code.',
  },
  maxGraphRows: {
    default: 20_000,
    most: 1_000_000,
    unit: 'rows',
    text: 'Filled slots and tail calls that the graph of a sandbox shows.',
  },
  maxSandboxTtl: {
    default: 86_400,
    most: 31_536_000,
    unit: 'seconds',
    text: 'Longest time to live of a sandbox or a snapshot, from its making or from the last PATCH.',
  },
  maxSandboxQueue: {
    default: 1_000,
    most: 100_000,
    unit: 'requests',
    text: 'Runs and map commands of one sandbox that wait or go on.',
  },
  maxSlotChanges: {
    default: 1_024,
    most: 65_536,
    unit: 'slots',
    text: 'Slots that one swap may change.',
  },
  maxListedEntries: {
    default: 1_000,
    most: 100_000,
    unit: 'elements',
    text: 'Elements of a map, or slots of a prog array, on one page.',
  },
  maxDrainMs: {
    default: 10_000,
    most: 600_000,
    unit: 'ms',
    text: 'Time that running work has after SIGTERM; then it is cancelled.',
  },
  // The trace socket.
  maxTraceSockets: {
    default: 10,
    most: 10_000,
    unit: 'sockets',
    text: 'Open trace sockets of one principal; and as many answers of /v1/runs/{id}/events and trace.perfetto.',
  },
  maxTraceSubscriptions: { default: 4, most: 1_000, unit: 'subscriptions', text: 'Subscriptions of one trace socket.' },
  maxTraceMessageBytes: {
    default: 64 * KIB,
    most: MIB,
    unit: 'bytes',
    text: "Size of a client's message on the trace socket, a subscribe with a spec excepted (maxBodyBytes).",
  },
  maxTraceMessagesPerSecond: {
    default: 20,
    most: 10_000,
    unit: 'messages/s',
    text: 'Control messages of one trace socket, sustained.',
  },
  maxTraceMessageBurst: {
    default: 60,
    most: 10_000,
    unit: 'messages',
    text: 'Control messages of one trace socket, at once.',
  },
  maxTraceBufferedBytes: {
    default: 4 * MIB,
    most: 256 * MIB,
    unit: 'bytes',
    text: 'Unsent bytes of one trace socket beside its largest message; then 4440.',
  },
  maxTraceStallMs: { default: 10_000, most: 600_000, unit: 'ms', text: 'Time in which no write gets done; then 4440.' },
  maxTraceHelloMs: { default: 5_000, most: 60_000, unit: 'ms', text: 'Time for the first message; then 4408.' },
  maxTraceIdleMs: {
    default: 300_000,
    most: 86_400_000,
    unit: 'ms',
    text: 'Silence of a client without a running run; then 4441.',
  },
  maxTraceSessionMs: { default: 2_700_000, most: 86_400_000, unit: 'ms', text: 'Life of one trace socket; then 4442.' },
} as const satisfies Record<string, LimitRow>;

export type LimitName = keyof typeof LIMITS;

/** What the rates of a client are counted in, each with its limit. */
export const RATE_POLICIES = {
  requests: 'maxRequestsPerMinute',
  instructions: 'maxInstructionsPerMinute',
} as const satisfies Record<string, LimitName>;

export type RatePolicy = keyof typeof RATE_POLICIES;

/** The values in force, by name. */
export type Limits = { readonly [name in LimitName]: number };

export const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[];

/** The lowest value that a limit may be set to. */
export function leastOf(name: LimitName): number {
  const row: LimitRow = LIMITS[name];
  return row.least ?? 1;
}

/** The environment variable that sets a limit: `maxWallMs` -> `WAGGLE_MAX_WALL_MS`, `queueLimit` -> `WAGGLE_QUEUE_LIMIT`. */
export function limitVariable(name: LimitName): string {
  return `WAGGLE_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** All limits at their defaults, with some replaced. */
export function limitsWith(overrides: Partial<Limits> = {}): Limits {
  const defaults = Object.fromEntries(LIMIT_NAMES.map((name) => [name, LIMITS[name].default])) as unknown as Limits;
  return Object.freeze({ ...defaults, ...overrides });
}
