/** How it goes, at a glance: the objectives first, then what moves them. */

import type { Page } from '../dashboard.js';
import { heat, lines, NEUTRAL, NONE_IS_GOOD, number, type Steps } from '../panels.js';
import { cells, counted, of, quantile, rates, recorded, share } from '../series.js';

/** 99.9 %: the objective of media and of pushes. */
const OBJECTIVE: Steps = [
  [null, 'red'],
  [0.999, 'green'],
];
/** Factors at which the alerts of an hour, of six and of three days begin. */
const BURN: Steps = [
  [null, 'green'],
  [1, 'yellow'],
  [14.4, 'red'],
];
const MEDIA = 'route=~"/api/(recordings/file|calls)/.+",method=~"GET|HEAD"';

const burn = (of: string): [string, string][] =>
  (['5m', '1h', '6h', '3d'] as const).map((window) => [`${recorded(`landfall:${of}:ratio_rate${window}`)} / 0.001`, `{{job}} ${window}`]);

export const overview: Page = {
  name: 'overview',
  title: 'Overview and objectives',
  description: 'Whether listeners get what they were promised, and what stands in the way. Runbook: docs/runbook.md',
  panels: [
    number({
      title: 'Hit ratio',
      description: 'Requests for media that were answered with bytes at once, of those of known recordings. What is not a hit has not landed yet: prefetch by callback keeps this near 100 %.',
      unit: 'percentunit',
      steps: [[null, 'red'], [0.9, 'yellow'], [0.98, 'green']],
      min: 0, max: 1,
      queries: [[share(counted('landfall_media_requests_total', 'result="hit"'), counted('landfall_media_requests_total', 'result=~"hit|landing|miss"')), 'hits']],
    }, 2),
    number({
      title: 'Media without 5xx',
      description: 'Objective: 99.9 % of the requests for media. A provider that refuses us counts too: the listener hears nothing all the same.',
      unit: 'percentunit', steps: OBJECTIVE, min: 0, max: 1,
      queries: [[`1 - ${share(counted('landfall_http_requests_total', `status=~"5..",${MEDIA}`), counted('landfall_http_requests_total', MEDIA))}`, 'good']],
    }, 3),
    number({
      title: 'Ready within 10 ms',
      description: 'Objective: 99.9 % of the pushes of ready are written to the listener\'s connection within 10 ms of the landing becoming known.',
      unit: 'percentunit', steps: OBJECTIVE, min: 0, max: 1,
      queries: [[share(counted('landfall_ready_push_seconds_bucket', 'le="0.01"'), counted('landfall_ready_push_seconds_count')), 'good']],
    }, 3),
    number({
      title: 'Alerts firing',
      description: 'Of dashboards/alerts.yml. Each has its section in the runbook.',
      unit: 'none', steps: NONE_IS_GOOD, min: 0,
      queries: [['count(ALERTS{alertname=~"Landfall.+",alertstate="firing",job=~"$job"}) or vector(0)', 'firing']],
    }),
    number({
      title: 'Processes that answer',
      description: 'Servers and workers that Prometheus reached at its last try, of those it knows.',
      unit: 'percentunit', steps: [[null, 'red'], [1, 'green']], min: 0, max: 1,
      queries: [[`avg(${of('up')})`, 'up']],
    }),
    number({
      title: 'One volume',
      description: '1: all processes are proven to share the volume. 0: some process sees another directory, and what is landed there is heard by nobody. Absent while no other process is there to compare with.',
      unit: 'none', steps: [[null, 'red'], [1, 'green']], min: 0, max: 1,
      queries: [[`min(${of('landfall_volume_shared')})`, 'shared']],
    }),
    lines({
      title: 'Error budget of media, burn rate',
      description: 'How many times faster than allowed the 0.1 % of failed requests are used up, by window. 1 uses up exactly the budget; 14.4 a thirty-day budget in two days. No line: no requests.',
      unit: 'none', steps: BURN, queries: burn('media_errors'),
    }),
    lines({
      title: 'Error budget of pushes, burn rate',
      description: 'The same for ready that came later than 10 ms.',
      unit: 'none', steps: BURN, queries: burn('ready_late'),
    }),
    lines({
      title: 'Requests for media',
      description: 'By what came of them. miss: not landed yet. denied: no token, or not theirs. gone: erased, expired or never recorded.',
      unit: 'reqps', steps: NEUTRAL, queries: [[rates('result', 'landfall_media_requests_total'), '{{result}}']],
    }, 8, true),
    lines({
      title: 'From play to ready',
      description: 'What listeners wait for a recording that has not landed yet; mostly the provider\'s time.',
      unit: 's', steps: [[null, 'green'], [10, 'yellow'], [30, 'red']],
      queries: [0.5, 0.95, 0.99].map((q) => [quantile(q, 'landfall_wait_seconds', 'outcome="ready"'), `p${q * 100}`]),
    }),
    heat({
      title: 'Push delay',
      description: 'From the landing becoming known to the listener\'s connection. The objective is 10 ms.',
      unit: 's', steps: [[null, 'green'], [0.01, 'red']],
      queries: [[cells('landfall_ready_push_seconds'), '{{le}}']],
    }, 8),
    lines({
      title: 'Listeners',
      description: 'Open sockets, recordings watched by them and by event streams, and plays and held requests that have not ended.',
      unit: 'short', steps: NEUTRAL,
      queries: [
        [`sum(${of('landfall_websocket_connections')})`, 'sockets'],
        [`sum(${of('landfall_subscriptions')})`, 'watched'],
        [`sum(${of('landfall_waiters')})`, 'waiting'],
      ],
    }),
    lines({
      title: 'Jobs',
      description: 'Downloads that can begin (ready), wait for the next try (delayed), are under way (leased), were given up within a day (dead). ready with nothing leased: the workers are gone.',
      unit: 'short', steps: [[null, 'green'], [1000, 'red']],
      queries: [[`max by (state) (${of('landfall_jobs')})`, '{{state}}']],
    }),
    lines({
      title: 'Downloads',
      description: 'By their end. failed: given up, see the dead letters. gone: the provider has none.',
      unit: 'ops', steps: NEUTRAL, queries: [[rates('outcome', 'landfall_downloads_total'), '{{outcome}}']],
    }, 8, true),
    lines({
      title: 'Lost, and made up for',
      description: 'All of this should stay at 0. Missed signals were found by the sweep within seconds; entries of the audit are lost for good.',
      unit: 'short', steps: NONE_IS_GOOD,
      queries: [
        [`sum(increase(${of('landfall_missed_signals_recovered_total')}[$__rate_interval]))`, 'missed signals'],
        [`sum(increase(${of('landfall_signals_lost_total')}[$__rate_interval]))`, 'signals not sent or read'],
        [`sum(increase(${of('landfall_leases_lost_total')}[$__rate_interval]))`, 'leases lost'],
        [`sum(increase(${of('landfall_audit_lost_total')}[$__rate_interval]))`, 'audit entries'],
      ],
    }),
    number({
      title: 'Processes by version',
      description: 'More than one version for longer than a rolling restart takes: some process was forgotten.',
      unit: 'none', steps: NEUTRAL, min: 0,
      queries: [[`count by (version) (${of('landfall_build_info')})`, '{{version}}']],
    }, 0, 24),
  ],
};
