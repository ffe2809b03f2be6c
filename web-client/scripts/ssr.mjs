/** The built library on a server: every entry is imported, and a page with players is rendered, without a DOM. */

import assert from 'node:assert/strict';
import { createElement as h } from 'react';
import { renderToString } from 'react-dom/server';

for (const name of ['window', 'document', 'WebSocket', 'HTMLElement', 'localStorage']) {
  assert.equal(typeof globalThis[name], 'undefined', `this is no server: it has ${name}`);
}

const { createClient } = await import('@landfall/player/core');
const { LandfallProvider, useRecording } = await import('@landfall/player/react');
const { RecordingPlayer } = await import('@landfall/player/components');
const { AudioPlayer } = await import('@landfall/player/audio-player');
const all = await import('@landfall/player');
await import('@landfall/player/element');
await import('@landfall/player/i18n');

const sid = `CA${'0'.repeat(32)}`;
const client = createClient({ server: 'https://calls.example.com' });
assert.notEqual(createClient({ server: 'https://calls.example.com' }), client, 'users share no client on a server');
assert.equal(all.RecordingPlayer, RecordingPlayer, 'entries share their modules');

const Row = () => h('p', null, JSON.stringify(useRecording(sid)));
const html = renderToString(
  h(LandfallProvider, { client }, h(Row), h(RecordingPlayer, { sid }), h(AudioPlayer, { src: `/api/recordings/file/${sid}` })),
);
assert.match(html, /<p>/);
assert.ok(html.length > 500, html);
assert.equal(client.link.phase, 'idle', 'rendering opens nothing');
console.log(`Rendered on a server: ${html.length} characters`);
