/** The page around it: signing in and out, languages, administration. */

import assert from 'node:assert/strict';
import { scene } from '../scene.mjs';
import { PLAY, row } from '../visit.mjs';

async function signInAndOut(context) {
  const { browser } = context;
  const { listener, call, server } = await scene(context);
  const { sid } = await call();
  await listener.signIn();
  await listener.there(row(sid));
  assert.ok(!(await browser.run(() => location.href)).includes('token'), 'no token stays in the address');
  await browser.reload();
  await listener.there(row(sid));
  await browser.click('.avatar');
  await browser.click('.menu > .button');
  await listener.there('.sign-in');
  assert.deepEqual(await browser.run(() => [sessionStorage.length, document.cookie]), [0, '']);
  await browser.type('#token', 'not a token');
  await browser.press('Enter');
  await listener.there('.hint.wrong');
  assert.ok(server);
}

async function hebrew(context) {
  const { browser } = context;
  const { listener, call } = await scene(context);
  const { sid } = await call({ landed: true });
  await listener.signIn({}, `#/calls/${sid}`);
  await listener.there(PLAY);
  await browser.click('.avatar');
  await browser.click('.menu label[lang="he"]');
  await browser.until(() => document.documentElement.dir === 'rtl' && document.documentElement.lang === 'he');
  const { list, call: pane, wide } = await browser.run(() => ({
    list: document.querySelector('.calls').getBoundingClientRect().left,
    call: document.querySelector('.open-call').getBoundingClientRect().left,
    wide: document.documentElement.scrollWidth > innerWidth,
  }));
  assert.ok(list > pane, 'the list is on the right');
  assert.ok(!wide, 'nothing sticks out');
  const slider = await browser.run(() => {
    const found = document.querySelector('.call [role="slider"]');
    return getComputedStyle(found).direction;
  });
  assert.equal(slider, 'ltr', 'time runs from left to right');
  await browser.run(() => localStorage.clear());
}

async function phone(context) {
  const { browser } = context;
  const { listener, call } = await scene(context);
  const { sid } = await call({ landed: true });
  for (let n = 0; n < 30; n++) await call();
  await browser.screen(390, 800);
  context.onEnd(() => browser.screen(1280, 800));
  await listener.signIn();
  await listener.there(row(sid, 'ready')).catch(() => {});
  await browser.run(() => (document.querySelector('.list').scrollTop = 500));
  await browser.until(() => document.querySelectorAll('.row').length > 0);
  await listener.open(sid);
  await browser.until(() => getComputedStyle(document.querySelector('.calls')).visibility === 'hidden');
  await browser.click('.back');
  await browser.until(() => getComputedStyle(document.querySelector('.calls')).visibility === 'visible');
  assert.equal(await browser.run(() => document.querySelector('.list').scrollTop), 500, 'the list is where it was');
  assert.ok(!(await browser.run(() => document.documentElement.scrollWidth > innerWidth)), 'nothing sticks out');
}

async function administration(context) {
  const { browser } = context;
  const { listener, call } = await scene(context);
  const { sid } = await call({ landed: true });
  await listener.signIn({ sub: 'boss', role: 'admin' }, `#/calls/${sid}`);
  const hold = '.manage-row:nth-of-type(1) .button';
  await browser.until(() => document.querySelector('.manage-row .button')?.disabled === false);
  await browser.click(hold);
  await listener.there('.held');
  await browser.until(() => document.querySelector('.button.danger').disabled);
  await browser.until(() => document.querySelector('.history').innerText.includes('put it on hold'));
  await browser.click(hold);
  await listener.gone('.held');
  await browser.click('.button.danger');
  await listener.there('dialog[open]');
  await browser.type('#erase-tail', 'nope');
  assert.ok(await browser.run(() => document.querySelector('dialog .solid').disabled));
  await browser.type('#erase-tail', sid.slice(-4));
  await browser.click('dialog .solid');
  await listener.state(sid, 'gone');
  await listener.gone('dialog');
  await browser.until(() => document.querySelector('.history').innerText.includes('erased it'));
}

async function agentsSeeNone(context) {
  const { browser } = context;
  const { listener, call } = await scene(context);
  const { sid } = await call();
  const since = browser.log.mark();
  await listener.signIn({}, `#/calls/${sid}`);
  await listener.there('.facts');
  assert.equal(await browser.run(() => document.querySelector('.manage, .history')), null);
  assert.deepEqual(since(/audit/), [], 'and their pages ask for none of it');
}

export default [
  { name: 'sign-in by link, reload, sign-out', run: signInAndOut },
  { name: 'Hebrew: right to left, time left to right', run: hebrew },
  { name: 'a phone: list and call as pages, the list keeps its place', run: phone },
  { name: 'hold, history, erasure with the end of the SID typed', run: administration },
  { name: 'agents see no administration', run: agentsSeeNone },
];
