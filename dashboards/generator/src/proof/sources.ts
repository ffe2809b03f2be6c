/** What is proven: the committed dashboards and alerts, as Grafana and Prometheus read them. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parse } from 'yaml';

import { pages } from '../dashboards/index.js';

export interface Query {
  expr: string;
  legendFormat: string;
  format: 'time_series' | 'heatmap';
  instant?: boolean;
}

export interface Panel {
  type: 'stat' | 'timeseries' | 'heatmap';
  title: string;
  description: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: Query[];
  fieldConfig: { defaults: { unit: string; min?: number; max?: number; decimals?: number; thresholds: { steps: { value: number | null; color: string }[] }; custom?: { stacking?: { mode: string } } } };
}

export interface Dashboard {
  name: string;
  title: string;
  panels: Panel[];
}

export interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  annotations?: Record<string, string>;
}

/** The scripts run in dashboards/generator. */
export const FOLDER = '..';

export const dashboards = (): Promise<Dashboard[]> =>
  Promise.all(pages.map(async ({ name }) => ({ ...(JSON.parse(await readFile(join(FOLDER, `${name}.json`), 'utf8')) as Dashboard), name })));

export const rules = async (): Promise<Rule[]> =>
  (parse(await readFile(join(FOLDER, 'alerts.yml'), 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
