/** The OpenAPI 3.1 document, made from the schemas that validate; /docs shows it. */

import type { Api } from './services.ts';

export function registerOpenApi(app: Api): void {
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
