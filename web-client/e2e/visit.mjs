/** What a listener does in the console and what is to be seen there: the one place that knows its selectors. */

import { TENANT, token } from './servers.mjs';

export const PLAY = '.call .landfall-play';
export const SLIDER = '.call .landfall-timeline';

export const row = (sid, state) => `.row[data-sid="${sid}"]${state ? `[data-state="${state}"]` : ''}`;

export function visit(browser, server) {
  const { run, until, click } = browser;
  const there = (selector, timeout) => until((s) => document.querySelector(s) !== null, selector, timeout);
  return {
    there,
    gone: (selector) => until((s) => document.querySelector(s) === null, selector),
    signIn: async (claims = {}, hash = '') => {
      // From a page of nothing, so that each scenario begins with a page of its own.
      await browser.goto('about:blank');
      await browser.goto(`${server.base}/#token=${token({ sub: 'dana', business_id: TENANT, ...claims })}`);
      await there('.shell');
      if (hash) await run((to) => void (location.hash = to), hash);
    },
    open: (sid) => run((to) => void (location.hash = `#/calls/${to}`), sid),
    online: () => there('.line.online', 40_000),
    playFromList: (sid) => click(`${row(sid)} .play-button`),
    playOpen: () => click(PLAY),
    state: (sid, state, timeout) => there(row(sid, state), timeout),
    /** Sound comes, and goes on coming. */
    sounds: (timeout) =>
      until(() => {
        const { sound } = window.spy;
        return sound && !sound.paused && !sound.ended && sound.currentTime > 0.1 && sound.readyState >= 2;
      }, undefined, timeout),
    goesOn: async () => {
      const from = await run(() => window.spy.sound.currentTime);
      await until((at) => !window.spy.sound.paused && window.spy.sound.currentTime > at + 0.3, from);
    },
    sound: () =>
      run(() => {
        const { sound } = window.spy;
        return sound && { time: sound.currentTime, paused: sound.paused, rate: sound.playbackRate, duration: sound.duration, source: sound.currentSrc };
      }),
    sockets: () => run(() => ({ made: window.spy.sockets, open: window.spy.open.size })),
    sent: (type) => run((of) => window.spy.sent.filter(({ type }) => type === of), type),
  };
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
