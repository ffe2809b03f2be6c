/** Listeners that are told: sockets, event streams, held requests. */

import type { Page } from '../dashboard.js';
import { heat, lines, NEUTRAL, NONE_IS_GOOD, number } from '../panels.js';
import { cells, counted, of, quantile, rates, share } from '../series.js';

const more = (counter: string, by: string, labels = '') => `sum${by && ` by (${by}) `}(increase(${of(counter, labels)}[$__rate_interval]))`;

export const realtime: Page = {
  name: 'realtime',
  title: 'Realtime',
  description: 'Who listens, how soon they are told, and who was let go. Runbook: docs/runbook.md',
  panels: [
    number({
      title: 'Ready within 10 ms',
      description: 'Objective: 99.9 % of the pushes in the time shown.',
      unit: 'percentunit', steps: [[null, 'red'], [0.999, 'green']], min: 0, max: 1,
      queries: [[share(counted('landfall_ready_push_seconds_bucket', 'le="0.01"'), counted('landfall_ready_push_seconds_count')), 'good']],
    }, 3, 6),
    number({
      title: 'Waiting now',
      description: 'Plays and held requests that have not ended.',
      unit: 'short', steps: [[null, 'green'], [1000, 'yellow'], [4000, 'red']], min: 0,
      queries: [[`sum(${of('landfall_waiters')})`, 'waiting']],
    }, 0, 6),
    number({
      title: 'Missed signals',
      description: 'Landings that only the sweep found, in the time shown: their listeners waited up to five seconds. Should be 0.',
      unit: 'short', steps: NONE_IS_GOOD, min: 0,
      queries: [[counted('landfall_missed_signals_recovered_total'), 'missed']],
    }, 0, 6),
    number({
      title: 'Let go as too slow',
      description: 'Sockets closed with 4503, and connections that took nothing for too long, in the time shown.',
      unit: 'short', steps: [[null, 'green'], [10, 'yellow']], min: 0,
      queries: [[`(${counted('landfall_websocket_closed_total', 'code="4503"')} or vector(0)) + ${counted('landfall_limits_total', 'limit="slow_reader"')}`, 'let go']],
    }, 0, 6),
    lines({
      title: 'Open sockets',
      description: 'By process. A sharp fall that is no restart: look at the closes by code.',
      unit: 'short', steps: NEUTRAL, queries: [[`sum by (instance) (${of('landfall_websocket_connections')})`, '{{instance}}']],
    }, 8, true),
    lines({
      title: 'Watched recordings',
      description: 'Once for each listener, of sockets and event streams.',
      unit: 'short', steps: NEUTRAL, queries: [[`sum by (instance) (${of('landfall_subscriptions')})`, '{{instance}}']],
    }, 8, true),
    lines({
      title: 'Pushes of ready',
      description: 'Listeners told that what they wait for has landed, a second.',
      unit: 'ops', steps: NEUTRAL, queries: [[rates('', 'landfall_ready_push_seconds_count'), 'pushes']],
    }),
    heat({
      title: 'Push delay',
      description: 'From the landing becoming known to the listener\'s connection, each push in its bucket. The objective is 10 ms.',
      unit: 's', steps: [[null, 'green'], [0.01, 'red']],
      queries: [[cells('landfall_ready_push_seconds'), '{{le}}']],
    }),
    lines({
      title: 'Push delay',
      description: 'The same as quantiles. With many listeners of one recording the last of them counts.',
      unit: 's', steps: [[null, 'green'], [0.01, 'red']],
      queries: [0.5, 0.99, 0.999].map((q) => [quantile(q, 'landfall_ready_push_seconds'), `p${q * 100}`]),
    }, 12),
    lines({
      title: 'Closes, by code',
      description: '1000, 1001, 1005, 1006: the client left. 4401: token. 4408: no hello. 4429: a bound. 4501: we drain. 4502: no pong. 4503: too slow. 1009: too large a message.',
      unit: 'short', steps: NEUTRAL, queries: [[more('landfall_websocket_closed_total', 'code'), '{{code}}']],
    }, 8, true),
    lines({
      title: 'Upgrades refused',
      description: 'origin: a page that allowed_origins does not hold. handshake: a proxy swallows Upgrade. draining: the server stops.',
      unit: 'short', steps: NONE_IS_GOOD, queries: [[more('landfall_websocket_rejected_total', 'reason'), '{{reason}}']],
    }, 8, true),
    lines({
      title: 'Signals between processes lost',
      description: 'full: too many at once. unsent: Redis was away. malformed: somebody else writes into the channel. What they told is found by the sweep.',
      unit: 'short', steps: NONE_IS_GOOD, queries: [[more('landfall_signals_lost_total', 'reason'), '{{reason}}']],
    }, 8, true),
    heat({
      title: 'From play to ready',
      description: 'What listeners waited for what had not landed yet, each wait in its bucket.',
      unit: 's', steps: [[null, 'green'], [30, 'red']],
      queries: [[cells('landfall_wait_seconds', 'outcome="ready"'), '{{le}}']],
    }),
    lines({
      title: 'Waits, by end',
      description: 'left: the listener went away first. timeout: a held request\'s time was over, and it was told to come again.',
      unit: 'ops', steps: NEUTRAL, queries: [[rates('outcome', 'landfall_wait_seconds_count'), '{{outcome}}']],
    }, 12, true),
    lines({
      title: 'Bounds on listeners reached',
      description: 'Of docs/security.md: sockets and recordings per socket, held requests, clients that take nothing.',
      unit: 'short', steps: NONE_IS_GOOD,
      queries: [[more('landfall_limits_total', 'limit', 'limit=~"sockets_.+|sids_per_socket|waiting_requests|slow_.+|signals_waiting"'), '{{limit}}']],
    }, 12, true),
    lines({
      title: 'Questions to the login',
      description: 'With auth.mode = forward only. trouble: it did not answer, and nobody new gets in.',
      unit: 'ops', steps: NEUTRAL, queries: [[rates('outcome', 'landfall_login_requests_total'), '{{outcome}}']],
    }, 12, true),
  ],
};
