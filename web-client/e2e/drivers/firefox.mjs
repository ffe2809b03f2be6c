/** Debian's Firefox ESR, driven by puppeteer-core over WebDriver BiDi: the same as drivers/chromium.mjs offers. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';
import { spy } from '../spy.mjs';
import { requestLog } from './requests.mjs';
import { startSpeaker } from './speaker.mjs';

const PREFERENCES = {
  'media.autoplay.default': 1,
  'browser.download.folderList': 2,
  'browser.download.useDownloadDir': true,
  'browser.download.alwaysOpenPanel': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'app.update.auto': false,
};

export async function startFirefox({ locale = 'en-GB', scheme = 'light', width = 1280, height = 800 } = {}) {
  const downloads = await mkdtemp(join(tmpdir(), 'landfall-e2e-downloads-'));
  const speaker = await startSpeaker();
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr',
    headless: true,
    env: { ...process.env, PULSE_SERVER: speaker.server },
    defaultViewport: { width, height },
    extraPrefsFirefox: {
      ...PREFERENCES,
      'intl.accept_languages': locale,
      'ui.systemUsesDarkTheme': scheme === 'dark' ? 1 : 0,
      'layout.css.prefers-color-scheme.content-override': scheme === 'dark' ? 0 : 1,
      'browser.download.dir': downloads,
    },
  });
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(spy);
  const log = requestLog();
  page.on('request', (request) => {
    const { range } = request.headers();
    log.sent(request, request.method(), request.url());
    log.range(request, range);
  });
  page.on('response', (response) => log.answered(response.request(), response.status()));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn') log.complaints.push(message.text());
  });
  page.on('pageerror', (error) => log.complaints.push(String(error)));

  const until = async (fn, arg, timeout = 15_000) => {
    const deadline = Date.now() + timeout;
    for (;;) {
      const value = await page.evaluate(fn, arg);
      if (value) return value;
      if (Date.now() > deadline) throw new Error(`not within ${timeout} ms: ${fn} ${JSON.stringify(arg) ?? ''}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    name: 'firefox',
    log,
    // A new fragment alone is no navigation that BiDi would tell the end of.
    goto: async (url) => void (await page.goto(url, { waitUntil: 'load' })),
    reload: async () => void (await page.reload()),
    url: () => page.url(),
    run: (fn, arg) => page.evaluate(fn, arg),
    until,
    click: async (selector, across = 0.5) => {
      const found = await page.waitForSelector(selector, { timeout: 15_000 });
      await found.evaluate((element) => element.scrollIntoView({ block: 'nearest' }));
      const { x, y, width, height } = await found.boundingBox();
      await page.mouse.click(x + width * across, y + height / 2);
    },
    type: async (selector, text) => {
      const found = await page.waitForSelector(selector);
      await found.evaluate((element) => element.select());
      await found.type(text);
    },
    press: (key) => page.keyboard.press(key),
    screen: (width, height) => page.setViewport({ width, height }),
    screenshot: (path, options) => page.screenshot({ path, ...options }),
    download: async (act) => {
      await act();
      const deadline = Date.now() + 20_000;
      for (;;) {
        const files = await readdir(downloads);
        const [name] = files;
        if (name && !files.some((file) => file.endsWith('.part'))) return { name, path: join(downloads, name) };
        if (Date.now() > deadline) throw new Error('nothing was downloaded');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    stop: async () => {
      await browser.close();
      await speaker.stop();
      await rm(downloads, { recursive: true, force: true });
    },
  };
}
