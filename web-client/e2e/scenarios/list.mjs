/** A list of any length: one socket, what is in sight, nothing of the media. */

import assert from 'node:assert/strict';
import { MEDIA } from '../drivers/requests.mjs';
import { scene } from '../scene.mjs';
import { TENANT } from '../servers.mjs';
import { pause, row } from '../visit.mjs';

const ROWS = 1000;
/** More than any screen shows, with what is drawn beyond it. */
const MOST_DRAWN = 60;

/** Calls registered at once: a server on a busy machine turns more away. */
const AT_ONCE = 10;

const sidOf = (n) => `CA${n.toString(16).padStart(32, '0')}`;

async function registerMany(server, count) {
  const now = Date.now();
  for (let from = 0; from < count; from += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, n) => from + n);
    await Promise.all(
      some.map((n) =>
        server.register(sidOf(n), {
          tenant: TENANT,
          from: `+972 3-555-${String(n).padStart(4, '0')}`,
          to: 'Support',
          started_at: new Date(now - n * 600_000).toISOString(),
        }),
      ),
    );
  }
}

async function thousandRows(context) {
  const { browser } = context;
  const { listener, server } = await scene(context);
  await registerMany(server, ROWS);
  const since = browser.log.mark();
  await listener.signIn();
  await listener.online();
  await listener.there(row(sidOf(0)));
  let drawn = 0;
  await browser.run(() => document.querySelector('.list').focus());
  for (let n = 0; n < 80; n++) {
    const { rows, end } = await browser.run(() => {
      const list = document.querySelector('.list');
      list.scrollTop += 2000;
      return { rows: document.querySelectorAll('.row').length, end: list.scrollHeight };
    });
    drawn = Math.max(drawn, rows);
    if (end > ROWS * 68 && (await browser.run((s) => document.querySelector(s) !== null, row(sidOf(ROWS - 1))))) break;
    await pause(60);
  }
  await listener.there(row(sidOf(ROWS - 1)));
  await pause(400);
  assert.ok(drawn < MOST_DRAWN, `${drawn} rows at once`);
  assert.deepEqual(since(MEDIA), [], 'requests of media');
  assert.deepEqual((await listener.sockets()), { made: 1, open: 1 });
  const watched = await server.metric('subscriptions');
  assert.ok(watched > 0 && watched < MOST_DRAWN, `${watched} subscriptions`);
  const asked = (await listener.sent('subscribe')).length;
  return `${drawn} rows drawn, ${watched} watched, ${asked} subscribe messages`;
}

async function liveCalls(context) {
  const { browser } = context;
  const { listener, call, server } = await scene(context);
  await registerMany(server, 120);
  await listener.signIn();
  await listener.there(row(sidOf(0)));
  // At the top a new call appears; further down nothing moves, and a button tells of it.
  const { sid } = await call({ title: 'Just now' });
  await listener.there(row(sid), 20_000);
  await browser.run(() => (document.querySelector('.list').scrollTop = 3000));
  await pause(300);
  const topmost = () => {
    const list = document.querySelector('.list').getBoundingClientRect();
    const rows = [...document.querySelectorAll('.row')].map((row) => [row.dataset.sid, row.getBoundingClientRect().top - list.top]);
    return rows.filter(([, top]) => top >= 0).sort(([, a], [, b]) => a - b)[0];
  };
  const before = await browser.run(topmost);
  await call({ title: 'And another' });
  // A page that comes back into sight looks at once.
  await browser.run(() => void document.dispatchEvent(new Event('visibilitychange')));
  await listener.there('.arrived', 20_000);
  assert.deepEqual(await browser.run(topmost), before, 'what is read stays where it is');
  await browser.click('.arrived');
  await browser.until(() => document.querySelector('.list').scrollTop === 0);
}

async function searchAndFilter(context) {
  const { browser } = context;
  const { listener, call, server } = await scene(context);
  await registerMany(server, 30);
  const { sid } = await call({ title: 'שיחה עם נועה', landed: true });
  await listener.signIn();
  await listener.there(row(sidOf(0)));
  await browser.type('.search input', 'נועה');
  await listener.gone(row(sidOf(0)));
  await listener.there(row(sid));
  assert.match(await browser.run(() => location.hash), /q=/, 'the address keeps it');
  await browser.type('.search input', 'nobody at all');
  await listener.there('.calls .blank');
  await browser.click('.calls .blank .button');
  await listener.there(row(sidOf(0)));
}

async function keyboard(context) {
  const { browser } = context;
  const { listener, server } = await scene(context);
  await registerMany(server, 80);
  await listener.signIn();
  await listener.there(row(sidOf(0)));
  await browser.run((s) => document.querySelector(s).focus(), `${row(sidOf(0))} .row-link`);
  for (const key of ['ArrowDown', 'ArrowDown', 'PageDown', 'ArrowUp']) await browser.press(key);
  const focused = () => document.activeElement.closest('.row')?.dataset.sid;
  await browser.until((sid) => document.activeElement.closest('.row')?.dataset.sid === sid, sidOf(9)).catch(async () => {
    assert.equal(await browser.run(focused), sidOf(9));
  });
  await browser.press('Enter');
  await listener.there(`${row(sidOf(9))}.open`);
  await browser.press('Home');
  await browser.until((sid) => document.activeElement.closest('.row')?.dataset.sid === sid, sidOf(0));
  await browser.press('/');
  await browser.until(() => document.activeElement.matches('.search input'));
}

export default [
  { name: 'a thousand rows: one socket, only what is in sight, no media', run: thousandRows },
  { name: 'new calls come in without a reload, and move nothing', run: liveCalls },
  { name: 'search and filter, kept in the address', run: searchAndFilter },
  { name: 'the list by keyboard alone', run: keyboard },
];
