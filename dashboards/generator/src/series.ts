/** Metrics as panels select them: by the variables of the dashboard, and with the windows that fit its zoom. */

/** Every panel looks at the jobs and instances that are chosen above it. */
const CHOSEN = 'job=~"$job",instance=~"$instance"';

/** A metric of the chosen processes; `labels` as PromQL writes them. */
export const of = (metric: string, labels = ''): string => `${metric}{${labels}${labels && ','}${CHOSEN}}`;

/** A recorded series: it knows no instance. */
export const recorded = (name: string): string => `${name}{job=~"$job"}`;

/** A counter's increase per second. */
export const rate = (counter: string, labels = ''): string => `rate(${of(counter, labels)}[$__rate_interval])`;

/** The same over all chosen processes, by those labels. */
export const rates = (by: string, counter: string, labels = ''): string => `sum${grouped(by)}(${rate(counter, labels)})`;

/** What was counted in the time that the dashboard shows. */
export const counted = (counter: string, labels = ''): string => `sum(increase(${of(counter, labels)}[$__range]))`;

/** One part of a whole, without a value where there is no whole; 0 where the part was never counted. */
export const share = (part: string, whole: string): string => `(${part} or vector(0)) / (${whole} > 0)`;

/** A quantile of a histogram over all chosen processes. */
export const quantile = (q: number, histogram: string, labels = '', by = ''): string =>
  `histogram_quantile(${q}, sum by (le${by && `, ${by}`}) (${rate(`${histogram}_bucket`, labels)}))`;

/** A histogram's cells, for a heatmap. */
export const cells = (histogram: string, labels = ''): string =>
  `sum by (le) (increase(${of(`${histogram}_bucket`, labels)}[$__rate_interval]))`;

const grouped = (by: string): string => (by ? ` by (${by}) ` : '');
