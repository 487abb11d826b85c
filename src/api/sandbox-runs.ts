/** POST /v1/sandboxes/{id}/runs and …/programs: what happens on a sandbox. */

import { Accepted } from '../contract/accepted.ts';
import { RunAnswerBody } from '../contract/result.ts';
import { DEFAULT_BUDGETS, type ProgramBody } from '../contract/run.ts';
import type { ProgramRequest, RunSpec } from '../contract/run-spec.ts';
import { AddedProgram, SandboxProgramBody, SandboxRunBody } from '../contract/sandbox.ts';
import type { Sandbox } from '../sandboxes/sandbox.ts';
import { acceptedReply } from './accepted-runs.ts';
import { clientGone } from './client-gone.ts';
import { decodeRun } from './decode-run.ts';
import { RUN_PROBLEMS } from './documented-problems.ts';
import { SANDBOX_PROGRAM_EXAMPLE, SANDBOX_RUN_EXAMPLE } from './examples.ts';
import { checkSandboxQueue, findSandbox, noSandbox, SandboxParameters } from './find-sandbox.ts';
import { PreferHeaders, wantsAsync } from './preferences.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { firstSteps } from './runs.ts';
import { loadRejected } from './sandboxes.ts';
import type { Api, Services } from './services.ts';
import { startRun } from './start-run.ts';

const tags = ['sandboxes'];

/** The spec of a run on a sandbox. Its maps are there already, so that they count on top of a memory budget that is not given. */
export function sandboxRunSpec(
  body: SandboxRunBody,
  sandbox: Sandbox,
  { limits }: Services,
  bodyBytes: number,
  tenant: string,
): RunSpec {
  const spec = decodeRun(body, limits, bodyBytes, tenant);
  if (body.budgets?.memoryBytes !== undefined) return spec;
  const memoryBytes = Math.min(DEFAULT_BUDGETS.memoryBytes + sandbox.bytes, limits.maxMemoryBytes);
  return { ...spec, budgets: { ...spec.budgets, memoryBytes } };
}

export function registerSandboxRuns(app: Api, services: Services): void {
  app.post(
    '/v1/sandboxes/:id/runs',
    {
      config: { problems: RUN_PROBLEMS, location: true },
      schema: {
        operationId: 'runOnSandbox',
        summary: 'Run a program of the sandbox',
        description:
          'Runs of one sandbox go one after the other; maps keep what they leave. Slots may be changed while one goes on: its next tail call sees them. ' +
          'With `Prefer: respond-async` the answer is 202 at once, and the run stands under its id; unlike a stateless run it ends with the process, and takes no Idempotency-Key. ' +
          'A memory budget that is not given is the default beside the memory of the sandbox itself.',
        tags,
        params: SandboxParameters,
        headers: PreferHeaders,
        body: { ...SandboxRunBody, examples: [SANDBOX_RUN_EXAMPLE] },
        response: { 200: RunAnswerBody, 202: Accepted },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const { tenant } = principal;
      const sandbox = await findSandbox(services, tenant, request.params.id);
      checkSandboxQueue(sandbox, services);
      if (request.headers['idempotency-key'] !== undefined) {
        const detail =
          'Idempotency-Key: runs on a sandbox are not remembered by a key, since they change it; look at its `runs`, or at what they leave in its maps, before one is sent again.';
        throw new ProblemError({ code: 'bad_request', detail });
      }
      const spec = sandboxRunSpec(request.body, sandbox, services, request.bodyBytes, tenant);
      const run = startRun(services, { spec, principal, mode: 'sandbox', log: request.log, sandbox });
      if (wantsAsync(request)) {
        // Whoever asks under its id hears of a defect.
        run.answer.catch(() => {});
        return acceptedReply(reply, run.id, `/v1/runs/${run.id}`);
      }
      const stop = clientGone(reply);
      stop.addEventListener('abort', run.cancel, { once: true });
      const answer = await run.answer;
      if (answer.kind === 'problem') throw new ProblemError(answer.problem);
      if (request.body.detail !== 'steps') return answer.result;
      return { ...answer.result, ...(await firstSteps(services, spec, answer, { principal, stop })) };
    },
  );

  /** The program of a body, decoded as one of a run's; pointers in problems are those of this body, where it is not one of a list. */
  async function programOf(body: ProgramBody, bodyBytes: number, tenant: string): Promise<ProgramRequest> {
    try {
      const decoded = decodeRun({ programs: [body], entry: '_' }, services.limits, bodyBytes, tenant);
      const { programs } = await services.programs.resolve(decoded);
      return { ...programs[0]!, pointer: '' };
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      const { problem } = error;
      const own = (text: string): string => text.replace(/^\/programs\/0(?=\/|:|$)/, '');
      const errors = problem.errors?.map(({ pointer, detail }) => ({ pointer: own(pointer), detail }));
      throw new ProblemError({
        ...problem,
        detail: own(problem.detail).replace(/^: /, ''),
        ...(errors === undefined ? {} : { errors }),
      });
    }
  }

  app.post(
    '/v1/sandboxes/:id/programs',
    {
      config: { problems: [...RUN_PROBLEMS, 'load_rejected'] },
      schema: {
        operationId: 'addSandboxProgram',
        summary: 'Add a program; a run that goes on reaches it as soon as it stands in a slot',
        description:
          'Its maps are those of the sandbox, by name or by their place. Verified and compiled on a thread of its own, also while all run threads are busy.',
        tags,
        params: SandboxParameters,
        body: { ...SandboxProgramBody, examples: [SANDBOX_PROGRAM_EXAMPLE] },
        response: { 201: AddedProgram },
      },
    },
    async (request, reply) => {
      const { tenant, bucket } = principalOf(request);
      const sandbox = await findSandbox(services, tenant, request.params.id);
      checkSandboxQueue(sandbox, services);
      const program = await programOf(request.body, request.bodyBytes, tenant);
      const answer = await sandbox.addProgram(services.loader, bucket, program);
      if (answer === null) throw noSandbox();
      if (answer.kind === 'problem') throw new ProblemError(answer.problem);
      if (answer.kind === 'rejected') throw loadRejected(answer.rejection);
      const { facts, verification } = answer;
      const { name, type, attachType, flags, insns } = facts;
      return reply.code(201).send({ name, type, attachType, flags: [...flags], insns, verification });
    },
  );
}
