/** A browser that nobody has used before, and everything its page sends. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export async function startBrowser() {
  const profile = await mkdtemp(join(tmpdir(), 'landfall-e2e-browser-'));
  // No autoplay flag: sound needs the click that a user makes.
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
    headless: true,
    locale: 'en-GB',
    viewport: { width: 1280, height: 800 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  return {
    page,
    network: await record(page),
    stop: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** Every request and every WebSocket frame of the page, in order, by the browser's own account. */
async function record(page) {
  const log = [];
  const byId = new Map();
  const complaints = [];
  const add = (entry) => log.push({ at: Date.now(), ...entry });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');

  const ranges = new Map();
  devtools.on('Network.requestWillBeSent', ({ requestId, request: { method, url }, type }) => {
    add({ kind: 'request', method, url, type, range: ranges.get(requestId) });
    byId.set(requestId, log.at(-1));
  });
  // What really goes out, such as the Range that the media element adds, is told apart, before or after.
  devtools.on('Network.requestWillBeSentExtraInfo', ({ requestId, headers }) => {
    const range = headers.Range ?? headers.range;
    ranges.set(requestId, range);
    if (byId.has(requestId)) byId.get(requestId).range = range;
  });
  devtools.on('Network.responseReceived', ({ requestId, response: { status, headers } }) => {
    const entry = byId.get(requestId);
    if (entry) Object.assign(entry, { status, contentRange: headers['content-range'] ?? headers['Content-Range'] });
  });
  devtools.on('Network.webSocketCreated', ({ url }) => add({ kind: 'socket', url }));
  devtools.on('Network.webSocketFrameSent', ({ response }) => add({ kind: 'sent', ...told(response.payloadData) }));
  devtools.on('Network.webSocketFrameReceived', ({ response }) =>
    add({ kind: 'received', ...told(response.payloadData) }),
  );
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));

  return {
    /** What happened from here on: call it to get the entries so far. */
    since: () => {
      const from = log.length;
      return (kind) => log.slice(from).filter((entry) => kind === undefined || entry.kind === kind);
    },
    all: (kind) => log.filter((entry) => entry.kind === kind),
    complaints,
  };
}

function told(payload) {
  try {
    const { type, ...message } = JSON.parse(payload);
    return { type, message };
  } catch {
    return { type: 'unreadable', message: payload };
  }
}

/** One line for people. */
export function line({ kind, method, url, type, status, range, contentRange, message }) {
  const path = url && new URL(url).pathname + new URL(url).search;
  switch (kind) {
    case 'request':
      return `${method} ${path} (${type})${range ? ` ${range}` : ''} → ${status ?? '…'}${contentRange ? ` ${contentRange}` : ''}`;
    case 'socket':
      return `WebSocket ${path}`;
    default:
      return `${kind === 'sent' ? '⇡' : '⇣'} ${type} ${JSON.stringify(message).slice(0, 150)}`;
  }
}
