/** Questions to Prometheus, with the variables of a panel filled in as Grafana would. */

import { JOB } from './processes.js';

/** The time that is looked at, seconds since 1970. */
export interface Span {
  from: number;
  to: number;
}

/** A series with its values over time; what is no number has been left out. */
export interface Series {
  labels: Record<string, string>;
  points: [time: number, value: number][];
}

interface Answer<T> {
  status: string;
  error?: string;
  data: T;
}

type Matrix = { result: { metric: Record<string, string>; values: [number, string][] }[] };

/** Seconds between two values of a series. */
const STEP = 1;
/** Four scrapes, as Grafana has it, and some more: the machine may be busy. */
const RATE_INTERVAL = '10s';

export class Prometheus {
  constructor(private readonly base: string) {}

  private async ask<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const answer = await fetch(`${this.base}/api/v1/${path}?${new URLSearchParams(query)}`);
    const body = (await answer.json()) as Answer<T>;
    if (body.status !== 'success') throw new Error(body.error ?? `${answer.status}`);
    return body.data;
  }

  /** The expression over that time. */
  async range(expr: string, span: Span): Promise<Series[]> {
    const { result } = await this.ask<Matrix>('query_range', { query: filled(expr, span), start: `${span.from}`, end: `${span.to}`, step: `${STEP}` });
    return result.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([time, value]): [number, number] => [time, Number(value === '+Inf' ? Infinity : value)]).filter(([, value]) => Number.isFinite(value)),
    }));
  }

  /** Every name under which there are series. */
  async names(): Promise<Set<string>> {
    return new Set(await this.ask<string[]>('label/__name__/values'));
  }
}

/** With what Grafana puts there when all jobs and instances are chosen. */
function filled(expr: string, { from, to }: Span): string {
  return expr
    .replaceAll('$__rate_interval', RATE_INTERVAL)
    .replaceAll('$__range', `${Math.ceil(to - from)}s`)
    .replaceAll('$job', JOB)
    .replaceAll('$instance', '.+');
}

/** The same, where each comparison says 0 or 1 instead of leaving a series out: whether all that it looks at is there. */
export function unconditional(expr: string): string {
  // What stands in braces or quotes compares labels.
  const parts = expr.split(/(\{[^}]*\})/);
  return parts.map((part, n) => (n % 2 === 1 ? part : part.replace(/(==|!=|>=|<=|>|<)(?!\s*bool)/g, '$1 bool'))).join('');
}

/** The metrics that an expression names. */
export const namesIn = (expr: string): string[] =>
  [...new Set(expr.replace(/\{[^}]*\}/g, '').match(/\b(?:landfall[_:][a-z0-9_:]+|process_[a-z_]+|up|ALERTS)\b/g) ?? [])];
