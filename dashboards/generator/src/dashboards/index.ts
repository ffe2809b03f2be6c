/** All dashboards there are. */

import { audioDelivery } from './audio-delivery.js';
import { overview } from './overview.js';
import { realtime } from './realtime.js';
import { runtime } from './runtime.js';

export const pages = [overview, audioDelivery, realtime, runtime];
