/** A dashboard around its panels: variables, links to the others, time. */

import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';

import { DATASOURCE } from './panels.js';

/** The uid under which provisioning makes Prometheus known; see docs/dashboards.md. */
export const PROMETHEUS_UID = 'landfall-prometheus';

/** What a dashboard is made of. */
export interface Page {
  /** The committed file's name, and the uid after `landfall-`. */
  name: string;
  title: string;
  description: string;
  panels: Builder<dashboard.Panel>[];
}

const chosen = (name: string, label: string, query: string) =>
  new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query({ query, refId: name })
    .definition(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: 'All', value: '$__all' });

/** The dashboard as Grafana reads it. */
export function build(page: Page): dashboard.Dashboard {
  const builder = new dashboard.DashboardBuilder(`Landfall / ${page.title}`)
    .uid(`landfall-${page.name}`)
    .description(page.description)
    .tags(['landfall'])
    .readonly()
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .link(
      new dashboard.DashboardLinkBuilder('Landfall')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['landfall'])
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(
      new dashboard.DatasourceVariableBuilder('datasource')
        .label('Prometheus')
        .type('prometheus')
        .current({ selected: true, text: PROMETHEUS_UID, value: PROMETHEUS_UID }),
    )
    .withVariable(chosen('job', 'Job', 'label_values(landfall_build_info, job)'))
    .withVariable(chosen('instance', 'Instance', 'label_values(landfall_build_info{job=~"$job"}, instance)'));
  page.panels.forEach((panel) => builder.withPanel(panel));
  const built = builder.build();
  // Links to a panel go by its id.
  built.panels?.forEach((panel, n) => Object.assign(panel, { id: n + 1 }));
  return built;
}
