/** The processes and what they stand on: CPU, memory, files, queue, volume. */

import type { Page } from '../dashboard.js';
import { lines, NEUTRAL, NONE_IS_GOOD, number, type Steps } from '../panels.js';
import { of, quantile, rates } from '../series.js';

const ROOM: Steps = [[null, 'red'], [0.05, 'yellow'], [0.15, 'green']];
const free = of('landfall_volume_free_bytes');

export const runtime: Page = {
  name: 'runtime',
  title: 'Runtime',
  description: 'Processes, queue and volume. Runbook: docs/runbook.md',
  panels: [
    number({
      title: 'Room on the volume',
      description: 'Free bytes, of those and the recordings\'. Below 5 % the alert fires; at 0 downloads fail with disk_full.',
      unit: 'percentunit', steps: ROOM, min: 0, max: 1,
      queries: [[`min(${free} / (${free} + ${of('landfall_volume_bytes')}))`, 'free']],
    }, 1, 6),
    number({
      title: 'Free in a day',
      description: 'What will be free on the volume in a day, as the last six hours went.',
      unit: 'bytes', steps: [[null, 'red'], [1, 'green']],
      queries: [[`min(predict_linear(${of('landfall_volume_free_bytes')}[6h], 86400))`, 'in a day']],
    }, 1, 6),
    number({
      title: 'Recordings',
      description: 'That have landed in the volume; counted once a minute.',
      unit: 'short', steps: NEUTRAL, min: 0,
      queries: [[`max(${of('landfall_volume_recordings')})`, 'recordings']],
    }, 0, 6),
    number({
      title: 'Youngest process',
      description: 'How long ago a process started last. Short without a deployment: something restarts it.',
      unit: 's', steps: [[null, 'yellow'], [600, 'green']], min: 0,
      queries: [[`min(time() - ${of('process_start_time_seconds')})`, 'up for']],
    }, 0, 6),
    lines({
      title: 'CPU',
      description: 'Cores in use, by process.',
      unit: 'none', steps: NEUTRAL, queries: [[rates('instance', 'process_cpu_seconds_total'), '{{instance}}']],
    }),
    lines({
      title: 'Memory',
      description: 'Resident, by process. Mapped files are not in it; an idle socket takes some 3 KiB.',
      unit: 'bytes', steps: NEUTRAL, queries: [[`sum by (instance) (${of('process_resident_memory_bytes')})`, '{{instance}}']],
    }),
    lines({
      title: 'Open files',
      description: 'Sockets, recordings and the rest, of as many as the process may open.',
      unit: 'percentunit', steps: [[null, 'green'], [0.8, 'red']],
      queries: [[`max by (instance) (${of('process_open_fds')} / ${of('process_max_fds')})`, '{{instance}}']],
    }),
    lines({
      title: 'Threads',
      description: 'One lane for each core, a few for the runtime, and those that wait for the disk: many means that the disk is slow.',
      unit: 'short', steps: [[null, 'green'], [300, 'yellow']],
      queries: [[`sum by (instance) (${of('process_threads')})`, '{{instance}}']],
    }),
    lines({
      title: 'Queue',
      description: 'ready: can begin. delayed: wait for the next try. leased: under way.',
      unit: 'short', steps: [[null, 'green'], [1000, 'red']],
      queries: [[`max by (state) (${of('landfall_jobs', 'state!="dead"')})`, '{{state}}']],
    }),
    lines({
      title: 'Dead letters and lost leases',
      description: 'Downloads given up within a day; and workers that were silent for so long that another got their job.',
      unit: 'short', steps: NONE_IS_GOOD,
      queries: [
        [`max(${of('landfall_jobs', 'state="dead"')})`, 'dead letters'],
        [`sum(increase(${of('landfall_leases_lost_total')}[$__rate_interval]))`, 'leases lost'],
      ],
    }),
    lines({
      title: 'Volume',
      description: 'Bytes of recordings, and bytes that are free.',
      unit: 'bytes', steps: NEUTRAL,
      queries: [
        [`max(${of('landfall_volume_bytes')})`, 'recordings'],
        [`min(${of('landfall_volume_free_bytes')})`, 'free'],
      ],
    }),
    lines({
      title: 'One volume',
      description: '1: proven, 0: disproven, by process. A line at 0 is the process that has another directory, or its peers.',
      unit: 'none', steps: [[null, 'red'], [1, 'green']], max: 1,
      queries: [[`min by (instance) (${of('landfall_volume_shared')})`, '{{instance}}']],
    }),
    lines({
      title: 'Audit entries lost',
      description: 'The catalog took none for so long that they did not fit into memory, or not at the end. Lost for good.',
      unit: 'short', steps: NONE_IS_GOOD, queries: [[`sum by (instance) (increase(${of('landfall_audit_lost_total')}[$__rate_interval]))`, '{{instance}}']],
    }),
    lines({
      title: 'Requests, by route',
      description: 'All of them, with those for media.',
      unit: 'reqps', steps: NEUTRAL, queries: [[rates('route', 'landfall_http_requests_total'), '{{route}}']],
    }, 8, true),
    lines({
      title: 'Time to answer, p99',
      description: 'From request to the answer\'s head, by route. Held requests (?wait=) wait on purpose.',
      unit: 's', steps: NEUTRAL, queries: [[quantile(0.99, 'landfall_http_request_duration_seconds', '', 'route'), '{{route}}']],
    }),
    lines({
      title: 'Bounds reached',
      description: 'By the labels of docs/security.md. What is beyond a bound is refused, and landed recordings are served all the same.',
      unit: 'short', steps: [[null, 'green'], [10, 'yellow']], queries: [[`sum by (limit) (increase(${of('landfall_limits_total')}[$__rate_interval]))`, '{{limit}}']],
    }, 8, true),
  ],
};
