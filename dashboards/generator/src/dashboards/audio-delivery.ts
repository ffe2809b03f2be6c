/** Bytes: how many, how soon, and where they came from. */

import type { Page } from '../dashboard.js';
import { heat, lines, NEUTRAL, number, type Steps } from '../panels.js';
import { cells, counted, quantile, rates, share } from '../series.js';

const MEDIA = 'route=~"/api/(recordings/file|calls)/.+",method=~"GET|HEAD"';
const HIT: Steps = [[null, 'red'], [0.9, 'yellow'], [0.98, 'green']];

export const audioDelivery: Page = {
  name: 'audio-delivery',
  title: 'Audio delivery',
  description: 'Requests for recordings and their bytes, and the downloads behind them. Runbook: docs/runbook.md',
  panels: [
    lines({
      title: 'Hit ratio, by requests',
      description: 'Requests answered with bytes at once, of those of recordings that exist. Falls when listeners come before the callback does.',
      unit: 'percentunit', steps: HIT, max: 1,
      queries: [[share(rates('', 'landfall_media_requests_total', 'result="hit"'), rates('', 'landfall_media_requests_total', 'result=~"hit|landing|miss"')), 'hits']],
    }),
    lines({
      title: 'Hit ratio, by bytes',
      description: 'Bytes that were served without being fetched for it, of those served: 1 - fetched / served. Below 0 more is fetched than heard (prefetches that nobody plays); near 1 each recording is heard often.',
      unit: 'percentunit', steps: [[null, 'red'], [0, 'yellow'], [0.5, 'green']], min: -1, max: 1,
      queries: [[`clamp_min(1 - ${share(rates('', 'landfall_download_bytes_total'), rates('', 'landfall_media_bytes_total'))}, -1)`, 'by bytes']],
    }),
    number({
      title: 'Served per byte fetched',
      description: 'How often each byte that the provider sent was heard, in the time shown.',
      unit: 'none', steps: [[null, 'yellow'], [1, 'green']], min: 0,
      queries: [[share(counted('landfall_media_bytes_total'), counted('landfall_download_bytes_total')), 'times']],
    }, 1, 8, 7),
    lines({
      title: 'Requests, by result',
      description: 'hit: bytes at once. landing: asked for before it had landed, and held until then or sent as it came. miss: on its way, or failed. denied: no token, or not theirs. gone: erased, expired or never recorded.',
      unit: 'reqps', steps: NEUTRAL, queries: [[rates('result', 'landfall_media_requests_total'), '{{result}}']],
    }, 8, true),
    lines({
      title: 'Requests, by route',
      description: 'Listening, and downloads as files.',
      unit: 'reqps', steps: NEUTRAL, queries: [[rates('route', 'landfall_media_requests_total'), '{{route}}']],
    }, 8, true),
    lines({
      title: 'Answers, by status',
      description: '206 is listening and seeking, 202 on its way, 502 the provider, 503 ourselves.',
      unit: 'reqps', steps: NEUTRAL, queries: [[rates('status', 'landfall_http_requests_total', MEDIA), '{{status}}']],
    }, 8, true),
    lines({
      title: 'Bytes served',
      description: 'Bytes of recordings promised in answers, a second.',
      unit: 'Bps', steps: NEUTRAL, queries: [[rates('result', 'landfall_media_bytes_total'), '{{result}}']],
    }, 8, true),
    lines({
      title: 'First byte of a hit',
      description: 'From the request to the head of the answer. Usual is well below a millisecond; more means a cold or slow disk, or no core left.',
      unit: 's', steps: [[null, 'green'], [0.01, 'yellow'], [0.1, 'red']],
      queries: [0.5, 0.99, 0.999].map((q) => [quantile(q, 'landfall_media_first_byte_seconds', 'result="hit"'), `p${q * 100}`]),
    }),
    lines({
      title: 'Bytes fetched',
      description: 'From the provider, a second; counted when a recording has landed.',
      unit: 'Bps', steps: NEUTRAL, queries: [[rates('instance', 'landfall_download_bytes_total'), '{{instance}}']],
    }, 8, true),
    heat({
      title: 'First byte of a hit',
      description: 'The same, each request in its bucket.',
      unit: 's', steps: [[null, 'green'], [0.1, 'red']],
      queries: [[cells('landfall_media_first_byte_seconds', 'result="hit"'), '{{le}}']],
    }),
    heat({
      title: 'Download time',
      description: 'From lease to landing, each recording in its bucket; the provider\'s speed and the recording\'s length.',
      unit: 's', steps: [[null, 'green'], [30, 'red']],
      queries: [[cells('landfall_download_seconds'), '{{le}}']],
    }),
    lines({
      title: 'The provider\'s answers',
      description: '401 and 403: our credentials. 404: not there yet, or gone. 429: too many at once. error: no answer. refused: it led to a host that is not allowed.',
      unit: 'reqps', steps: NEUTRAL, queries: [[rates('status', 'landfall_source_requests_total'), '{{status}}']],
    }, 8, true),
    lines({
      title: 'Downloads and waveforms, by end',
      description: 'landed; failed: given up after the last try; gone: the provider has none. Waveforms are drawn after a landing; undecodable: the recording cannot be.',
      unit: 'ops', steps: NEUTRAL,
      queries: [
        [rates('outcome', 'landfall_downloads_total'), '{{outcome}}'],
        [rates('outcome', 'landfall_peaks_total'), 'waveform {{outcome}}'],
      ],
    }, 8, true),
    lines({
      title: 'Tries again, by reason',
      description: 'not_yet_at_source is usual right after a callback; the others are the provider\'s trouble or ours.',
      unit: 'ops', steps: [[null, 'green'], [1, 'yellow']],
      queries: [[rates('reason', 'landfall_job_retries_total'), '{{reason}}']],
    }, 8, true),
    lines({
      title: 'Callbacks, by outcome',
      description: 'waiting: the call is not registered yet. bad_signature: forged, or public_url or the token are wrong. recovered: none came, and the sweep asked.',
      unit: 'ops', steps: NEUTRAL, queries: [[rates('outcome', 'landfall_webhooks_total'), '{{outcome}}']],
    }, 12, true),
    lines({
      title: 'Expired, by reason',
      description: 'What retention removed for its age (days), or for the room it took (bytes).',
      unit: 'ops', steps: NEUTRAL, queries: [[rates('reason', 'landfall_retention_removed_total'), '{{reason}}']],
    }, 12, true),
  ],
};
