/** Debian's Chromium, driven by playwright-core: what a scenario may ask of a browser. */

import { chromium } from 'playwright-core';
import { spy } from '../spy.mjs';
import { requestLog } from './requests.mjs';

export async function startChromium({ locale = 'en-GB', scheme = 'light', width = 1280, height = 800 } = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
    headless: true,
    // No autoplay flag: sound needs the click that a user makes.
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--enable-precise-memory-info'],
  });
  const context = await browser.newContext({ locale, colorScheme: scheme, viewport: { width, height } });
  const page = await context.newPage();
  await page.addInitScript(spy);
  const devtools = await context.newCDPSession(page);
  const log = requestLog();
  await devtools.send('Network.enable');
  devtools.on('Network.requestWillBeSent', ({ requestId, request: { method, url } }) => log.sent(requestId, method, url));
  // What really goes out, such as the Range that the media element adds, is told apart, before or after.
  devtools.on('Network.requestWillBeSentExtraInfo', ({ requestId, headers }) =>
    log.range(requestId, headers.Range ?? headers.range),
  );
  devtools.on('Network.responseReceived', ({ requestId, response }) => log.answered(requestId, response.status));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') log.complaints.push(message.text());
  });
  page.on('pageerror', (error) => log.complaints.push(String(error)));

  return {
    name: 'chromium',
    log,
    goto: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    url: () => page.url(),
    /** Runs a function in the page, with one argument. */
    run: (fn, arg) => page.evaluate(fn, arg),
    /** Until the function is truthy there; what it gave. */
    until: async (fn, arg, timeout = 15_000) => {
      const handle = await page.waitForFunction(fn, arg, { timeout, polling: 50 });
      return handle.jsonValue();
    },
    /** A click of the mouse on the middle of what the selector finds, or on a part of its width. */
    click: async (selector, across = 0.5) => {
      const found = page.locator(selector).first();
      await found.waitFor();
      await found.scrollIntoViewIfNeeded();
      const { x, y, width, height } = await found.boundingBox();
      await page.mouse.click(x + width * across, y + height / 2);
    },
    type: async (selector, text) => {
      await page.locator(selector).fill(text);
    },
    press: (key) => page.keyboard.press(key),
    screen: (width, height) => page.setViewportSize({ width, height }),
    scheme: (colorScheme) => page.emulateMedia({ colorScheme }),
    screenshot: (path, options) => page.screenshot({ path, ...options }),
    download: async (act) => {
      const coming = page.waitForEvent('download');
      await act();
      const download = await coming;
      return { name: download.suggestedFilename(), path: await download.path() };
    },
    /** What is alive after a collection of garbage: heap in bytes, nodes, listeners. */
    alive: async () => {
      await devtools.send('HeapProfiler.enable');
      for (let n = 0; n < 3; n++) await devtools.send('HeapProfiler.collectGarbage');
      await devtools.send('Performance.enable');
      const { metrics } = await devtools.send('Performance.getMetrics');
      const of = (name) => metrics.find((metric) => metric.name === name).value;
      return { heap: of('JSHeapUsedSize'), nodes: of('Nodes'), listeners: of('JSEventListeners') };
    },
    stop: () => browser.close(),
  };
}
