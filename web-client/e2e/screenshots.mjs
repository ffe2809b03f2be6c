/** Draws the pictures of docs/images: the gallery's states, and the console before a real server. `npm run screenshots` */

import { startChromium } from './drivers/chromium.mjs';
import { scene } from './scene.mjs';
import { startProvider } from './servers.mjs';
import { PLAY } from './visit.mjs';

const IMAGES = new URL('../../docs/images/', import.meta.url).pathname;
/** Some, side by side: the whole gallery is a page to look at, not a picture. */
const STATES = ['downloading', 'playing a selection'];
const TITLES = ['Invoice question', 'שיחת מכירה – חבילה עסקית', undefined, 'Delivery is late', 'בירור חיוב', undefined, 'Cancellation'];

const provider = await startProvider();

async function picture(name, look, language, draw) {
  const browser = await startChromium({ ...look, locale: language });
  const ends = [];
  const context = { browser, provider, onEnd: (end) => ends.push(end) };
  try {
    await draw(browser, await scene(context));
    // Hover and focus of the last click are no part of the picture.
    await browser.run(() => void document.activeElement?.blur());
    await new Promise((resolve) => setTimeout(resolve, 600));
    await browser.screenshot(`${IMAGES}${name}.png`);
    console.log(`docs/images/${name}.png`);
  } finally {
    for (const end of ends.reverse()) await end();
    await browser.stop();
  }
}

/** A day in a call centre: every state, both languages. */
async function calls({ call, server }) {
  const faults = [undefined, undefined, undefined, { unauthorized: true }];
  const made = [];
  for (let n = 0; n < 14; n++) {
    made.push(await call({ seconds: 75 + ((n * 37) % 180), title: TITLES[n % 7], held: n === 1, faults: faults[n] }));
  }
  for (const n of [0, 2, 4, 5, 6, 8, 9, 11]) await server.prepare(made[n].sid);
  for (const n of [0, 2, 4, 5, 6, 8, 9, 11]) await server.ready(made[n].sid);
  for (const n of [1, 3]) await server.prepare(made[n].sid).catch(() => {});
  await server.erase(made[9].sid);
  return made;
}

async function playing(made, listener, browser) {
  await listener.signIn({ role: 'admin' }, `#/calls/${made[0].sid}`);
  await listener.online();
  await listener.there(PLAY);
  await browser.click(PLAY);
  await listener.sounds();
}

await picture('console-en', { width: 1280, height: 780 }, 'en-GB', async (browser, stage) => {
  await playing(await calls(stage), stage.listener, browser);
});
await picture('console-he-dark', { width: 1280, height: 780, scheme: 'dark' }, 'he-IL', async (browser, stage) => {
  await playing(await calls(stage), stage.listener, browser);
});
await picture('console-he-phone', { width: 390, height: 780 }, 'he-IL', async (browser, stage) => {
  await calls(stage);
  await stage.listener.signIn();
  await stage.listener.online();
});
await picture('player-states', { width: 1880, height: 900 }, 'en-GB', async (browser, { server, listener }) => {
  await browser.goto(`${server.base}/gallery`);
  await listener.there('.gallery section');
  await browser.run((states) => {
    document.querySelectorAll('.gallery > header, .gallery > nav').forEach((element) => element.remove());
    for (const section of document.querySelectorAll('.gallery section')) {
      section.hidden = !states.includes(section.getAttribute('aria-label'));
    }
  }, STATES);
  await browser.until(() => document.querySelectorAll('.landfall-player').length >= 16);
});
await provider.stop();
