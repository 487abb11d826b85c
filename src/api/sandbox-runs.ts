/** POST /v1/sandboxes/{id}/runs and …/programs: what happens on a sandbox. */

import { Accepted } from '../contract/accepted.ts';
import { RunAnswerBody } from '../contract/result.ts';
import { DEFAULT_BUDGETS } from '../contract/run.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import { AddedProgram, SandboxProgramBody, SandboxRunBody } from '../contract/sandbox.ts';
import type { Sandbox } from '../sandboxes/sandbox.ts';
import { acceptedReply } from './accepted-runs.ts';
import { clientGone } from './client-gone.ts';
import { decodeRun } from './decode-run.ts';
import { RUN_PROBLEMS } from './documented-problems.ts';
import { SANDBOX_PROGRAM_EXAMPLE, SANDBOX_RUN_EXAMPLE } from './examples.ts';
import { checkSandboxQueue, findSandbox, SandboxParameters } from './find-sandbox.ts';
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
          'With `Prefer: respond-async` the answer is 202 at once, and the run stands under its id; unlike a stateless run it ends with the process.',
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
      const decoded = decodeRun({ programs: [request.body], entry: '_' }, services.limits, request.bodyBytes, tenant);
      const { programs } = await services.programs.resolve(decoded);
      // Its pointers are those of this body, in which the program is not one of a list.
      const answer = await sandbox.addProgram(services.loader, bucket, { ...programs[0]!, pointer: '' });
      if (answer.kind === 'problem') throw new ProblemError(answer.problem);
      if (answer.kind === 'rejected') throw loadRejected(answer.rejection);
      const { facts, verification } = answer;
      const { name, type, attachType, flags, insns } = facts;
      return reply.code(201).send({ name, type, attachType, flags: [...flags], insns, verification });
    },
  );
}
