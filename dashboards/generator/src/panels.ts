/** The kinds of panels there are. Each has a unit, a description and thresholds; knows no metric. */

import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** The variable that says which Prometheus; its value is the uid that provisioning fixes. */
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

/** From that value on, that colour; the first has none. */
export type Steps = [from: number | null, color: 'green' | 'yellow' | 'red'][];

/** All is well whatever the value: the panel says how much, not how good. */
export const NEUTRAL: Steps = [[null, 'green']];
/** Anything above none is to be looked into. */
export const NONE_IS_GOOD: Steps = [
  [null, 'green'],
  [0.001, 'red'],
];

/** What every panel says of itself. */
export interface Spec {
  title: string;
  /** What it means, and what is usual. */
  description: string;
  /** Grafana's name of the unit. */
  unit: string;
  steps: Steps;
  /** PromQL, and the legend of what comes of it. */
  queries: [expr: string, legend: string][];
  /** Where the scale begins and ends, if not where the values do. */
  min?: number;
  max?: number;
}

type Panel = Builder<dashboard.Panel>;

const thresholds = (steps: Steps) =>
  new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(steps.map(([value, color]) => ({ value, color })));

const queries = (spec: Spec, format: prometheus.PromQueryFormat, instant = false) =>
  spec.queries.map(([expr, legend], n) => {
    const query = new prometheus.DataqueryBuilder()
      .refId(String.fromCharCode(65 + n))
      .datasource(DATASOURCE)
      .expr(expr)
      .legendFormat(legend)
      .format(format);
    return instant ? query.instant() : query.range();
  });

/** One number, of now or of the time shown. */
export function number(spec: Spec, decimals?: number, width = 4, height = 4): Panel {
  const panel = new stat.PanelBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(DATASOURCE)
    .unit(spec.unit)
    .thresholds(thresholds(spec.steps))
    .colorMode(common.BigValueColorMode.Background)
    .graphMode(common.BigValueGraphMode.None)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .targets(queries(spec, prometheus.PromQueryFormat.TimeSeries, true))
    .height(height)
    .span(width);
  if (spec.min !== undefined) panel.min(spec.min);
  if (spec.max !== undefined) panel.max(spec.max);
  if (decimals !== undefined) panel.decimals(decimals);
  return panel;
}

/** Lines over time; the thresholds are drawn across them. */
export function lines(spec: Spec, width = 8, stacked = false): Panel {
  const mode = spec.steps.length > 1 ? common.GraphThresholdsStyleMode.Dashed : common.GraphThresholdsStyleMode.Off;
  const panel = new timeseries.PanelBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(DATASOURCE)
    .unit(spec.unit)
    .thresholds(thresholds(spec.steps))
    .thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(mode))
    .min(spec.min ?? 0)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 8)
    .showPoints(common.VisibilityMode.Never)
    .legend(new common.VizLegendOptionsBuilder().showLegend(true).displayMode(common.LegendDisplayMode.List).placement(common.LegendPlacement.Bottom))
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending))
    .targets(queries(spec, prometheus.PromQueryFormat.TimeSeries))
    .height(7)
    .span(width);
  if (spec.max !== undefined) panel.max(spec.max);
  if (stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  return panel;
}

/** How many fell where, over time: one cell for each bucket. */
export function heat(spec: Spec, width = 12): Panel {
  return new heatmap.PanelBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(DATASOURCE)
    .unit(spec.unit)
    .thresholds(thresholds(spec.steps))
    .calculate(false)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(spec.unit))
    .color(new heatmap.HeatmapColorOptionsBuilder().mode(heatmap.HeatmapColorMode.Scheme).scheme('Oranges').steps(64))
    .cellGap(1)
    .targets(queries(spec, prometheus.PromQueryFormat.Heatmap))
    .height(7)
    .span(width);
}
