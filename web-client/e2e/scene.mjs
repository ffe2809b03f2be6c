/** What most scenarios begin with: a server of their own, calls, and a listener who is signed in. */

import { startServer } from './servers.mjs';
import { visit } from './visit.mjs';

const minutesAgo = (n) => new Date(Date.now() - n * 60_000).toISOString();

export async function scene({ browser, provider, onEnd }, settings) {
  const server = await startServer(provider, settings);
  onEnd(server.stop);
  // The page must not outlive its server, or it would complain in the next scenario.
  onEnd(() => browser.goto('about:blank'));
  let calls = 0;
  return {
    server,
    listener: visit(browser, server),
    /** A call whose recording is as described, registered; `landed` when it shall be there already. */
    call: async ({ seconds = 60, landed = false, title, ...recording } = {}) => {
      const made = await provider.record({ seconds, ...recording });
      const about = { from: '+972 3-555-0142', to: 'Support', direction: 'inbound', duration_s: seconds };
      await server.register(made.call_sid, { ...about, started_at: minutesAgo(++calls), ...(title ? { title } : {}) });
      if (landed) {
        await server.prepare(made.call_sid);
        await server.ready(made.call_sid);
      }
      return { sid: made.call_sid, recording: made.recording_sid };
    },
  };
}
