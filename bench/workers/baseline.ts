/**
 * What the service is compared with: a Fastify route that passes the parsed body through as many Piscina threads as the service has run
 * threads, to a task that does nothing, and answers a recorded body. It says its URL on standard output.
 */

import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import { Piscina } from 'piscina';

const [threads = '1', recorded = ''] = process.argv.slice(2);
const answer = readFileSync(recorded, 'utf8');
const pool = new Piscina({
  filename: new URL('./nothing.ts', import.meta.url).href,
  minThreads: Number(threads),
  maxThreads: Number(threads),
  recordTiming: false,
});
const app = Fastify();
app.post('/v1/runs', async (request, reply) => {
  await pool.run(request.body);
  return reply.type('application/json').send(answer);
});
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
