/** The web client as `npm run build` has left it, before a server that embeds another one, or none. */

import { preview } from 'vite';

/** As src/http/console.rs sends it. */
const POLICY =
  "default-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self' ws: wss:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export async function startPreview(target) {
  const proxy = Object.fromEntries(['/api', '/internal', '/webhooks'].map((path) => [path, { target }]));
  const server = await preview({
    root: new URL('..', import.meta.url).pathname,
    logLevel: 'silent',
    preview: {
      port: 0,
      host: '127.0.0.1',
      headers: { 'Content-Security-Policy': POLICY, 'Referrer-Policy': 'no-referrer' },
      proxy: { ...proxy, '/ws': { target, ws: true } },
    },
  });
  return { port: server.httpServer.address().port, stop: () => server.close() };
}
