/**
 * A histogram that takes many equal observations at once: a run of 100,000 repetitions is one call for each depth, where prom-client's own
 * would take 100,000. Without labels.
 */

import type { Registry } from 'prom-client';

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export class CountedHistogram {
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  /** Observations by the first bound that is not below them; the last is for those above all bounds. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds ascending */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  /** Notes `times` observations of a value. */
  observe(value: number, times: number): void {
    const bound = this.#bounds.findIndex((one) => value <= one);
    this.#counts[bound < 0 ? this.#bounds.length : bound]! += times;
    this.#sum += value * times;
  }

  /** What a scrape shows (prom-client calls it). */
  async get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Sample[] }> {
    const values: Sample[] = [];
    let total = 0;
    this.#counts.forEach((count, index) => {
      total += count;
      values.push({ metricName: `${this.name}_bucket`, labels: { le: this.#bounds[index] ?? '+Inf' }, value: total });
    });
    values.push({ metricName: `${this.name}_sum`, labels: {}, value: this.#sum });
    values.push({ metricName: `${this.name}_count`, labels: {}, value: total });
    return { name: this.name, help: this.help, type: 'histogram', aggregator: 'sum', values };
  }

  /** Makes it part of a registry's scrapes. */
  register(registry: Registry): this {
    // The type that prom-client declares names its own classes; what it calls is `name` and `get`.
    registry.registerMetric(this as unknown as Parameters<Registry['registerMetric']>[0]);
    return this;
  }
}
