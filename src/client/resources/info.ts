/** What a service is, knows and allows, and whether it works. None of it needs a key. */

import type { paths } from '../api-types.ts';
import type { CallOptions, Http } from '../http.ts';

/** The JSON of a GET that takes nothing. */
type AnswerOf<Path extends '/v1/info' | '/v1/limits' | '/v1/outcomes' | '/livez' | '/readyz'> =
  paths[Path]['get']['responses'][200]['content']['application/json'];

export type Info = AnswerOf<'/v1/info'>;
export type Limits = AnswerOf<'/v1/limits'>;
export type Outcomes = AnswerOf<'/v1/outcomes'>;
export type Readiness = AnswerOf<'/readyz'>;

export class ServiceInfo {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Engine, profiles, program types with their contexts, map types, helpers, and what is not implemented. */
  get(options: CallOptions = {}): Promise<Info> {
    return this.#http.data((client, init) => client.GET('/v1/info', init), options);
  }

  /** Every limit of this server. */
  limits(options: CallOptions = {}): Promise<Limits> {
    return this.#http.data((client, init) => client.GET('/v1/limits', init), options);
  }

  /** How a run can end, and how a request can be refused. */
  outcomes(options: CallOptions = {}): Promise<Outcomes> {
    return this.#http.data((client, init) => client.GET('/v1/outcomes', init), options);
  }

  /** The OpenAPI 3.1 document of the service. */
  openApi(options: CallOptions = {}): Promise<Record<string, unknown>> {
    return this.#http.data((client, init) => client.GET('/openapi.json', init), options);
  }

  /** The page (HTML) that explains the code of a problem. */
  problemPage(code: string, options: CallOptions = {}): Promise<string> {
    return this.#http.data(
      (client, init) => client.GET('/problems/{code}', { ...init, params: { path: { code } }, parseAs: 'text' }),
      options,
    );
  }

  /** Does the process answer? Rejects when it does not. */
  async live(options: CallOptions = {}): Promise<void> {
    await this.#http.send((client, init) => client.GET('/livez', init), options);
  }

  /** Can it run programs? A service that cannot answers 503, which rejects. */
  ready(options: CallOptions = {}): Promise<Readiness> {
    return this.#http.data((client, init) => client.GET('/readyz', init), options);
  }
}
