/** When the line breaks: it comes back by itself, with the states of that moment, and the sound goes on. */

import assert from 'node:assert/strict';
import { scene } from '../scene.mjs';
import { pause } from '../visit.mjs';

async function socketKilled(context) {
  const { listener, call, server } = await scene(context);
  const heard = await call({ seconds: 600, landed: true });
  const other = await call({ seconds: 30 });
  await listener.signIn();
  await listener.online();
  await listener.playFromList(heard.sid);
  await listener.sounds();
  server.wire.cut();
  // Changes while nobody is connected are not lost: the answer to the next subscription tells them.
  await server.prepare(other.sid);
  await server.ready(other.sid);
  await listener.state(other.sid, 'ready', 30_000);
  await listener.online();
  await listener.goesOn();
  const { made, open } = await listener.sockets();
  assert.equal(open, 1);
  return `${made - 1} reconnects`;
}

async function serverRestarted(context) {
  const { listener, call, server, } = await scene(context, { LANDFALL_SHUTDOWN_GRACE: '1s' });
  const { sid } = await call({ seconds: 600, landed: true });
  await listener.signIn();
  await listener.online();
  await listener.playFromList(sid);
  await listener.sounds();
  await server.restart();
  await listener.gone('.line:not(.online)');
  await listener.online();
  await listener.state(sid, 'ready');
  await listener.goesOn();
}

async function offlineAndBack(context) {
  const { provider } = context;
  const { listener, call, server } = await scene(context);
  const { sid, recording } = await call({ seconds: 30, held: true });
  await listener.signIn();
  await listener.online();
  await listener.playFromList(sid);
  await listener.state(sid, 'downloading');
  server.wire.down();
  await listener.there('.notice', 10_000);
  await provider.release(recording);
  await server.ready(sid);
  await pause(1000);
  server.wire.up();
  // What landed in the meantime sounds by itself: play was pressed before.
  await listener.sounds(45_000);
  await listener.gone('.notice');
}

async function sessionEnds(context) {
  const { browser } = context;
  const { listener, call } = await scene(context);
  const { sid } = await call({ seconds: 30 });
  // The server gives 30 s of leeway after `exp`: this one is nearly through it.
  await listener.signIn({ exp: Math.floor(Date.now() / 1000) - 25 }, `#/calls/${sid}`);
  await browser.until(
    () => /session/i.test(document.querySelector('.notice, .sign-in .note')?.innerText ?? ''),
    undefined,
    30_000,
  );
}

export default [
  { name: 'socket killed: reconnects, misses nothing', run: socketKilled },
  { name: 'server restarted: the line comes back', run: serverRestarted },
  { name: 'offline and back: what landed meanwhile plays', run: offlineAndBack },
  { name: 'a session that ends says so', run: sessionEnds },
];
