/**
 * Runs in the page before its own scripts, in every browser alike: what the page says and hears on its socket, the
 * sound it makes, and what moves on the screen. It is handed over as source: it may use nothing from outside.
 */
export function spy() {
  const seen = { sockets: 0, open: new Set(), sent: [], received: [], sound: undefined, soundAt: undefined, shifts: [], long: [] };
  window.spy = seen;

  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...args) {
      super(...args);
      seen.sockets++;
      seen.open.add(this);
      this.addEventListener('close', () => seen.open.delete(this));
      this.addEventListener('message', ({ data }) => {
        const { type, sid, state, recordings } = JSON.parse(data);
        seen.received.push({ at: performance.now(), type, sid, state, size: recordings?.length });
      });
    }
    send(data) {
      const { type, intent, sids } = JSON.parse(data);
      seen.sent.push({ at: performance.now(), type, intent, sids });
      super.send(data);
    }
  };

  // Media elements need not be part of the document: whoever plays is noticed.
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function () {
    if (seen.sound !== this) {
      seen.sound = this;
      this.addEventListener('playing', () => (seen.soundAt = performance.now()));
    }
    return play.call(this);
  };

  for (const [type, list] of [
    ['layout-shift', seen.shifts],
    ['longtask', seen.long],
  ]) {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) continue;
    new PerformanceObserver((entries) => {
      for (const { value, hadRecentInput, duration, startTime, sources } of entries.getEntries()) {
        const moved = sources?.map(({ node }) => node?.className ?? node?.nodeName).join(', ');
        list.push({ value, hadRecentInput, duration, startTime, moved });
      }
    }).observe({ type, buffered: true });
  }
}
