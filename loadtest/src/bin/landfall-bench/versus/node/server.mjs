// Servers that Landfall is measured against: `node server.mjs uws|ws PORT`. Both speak the same: a WebSocket at /ws/CHANNEL hears
// what is sent by POST to /pub/CHANNEL, byte for byte. They know no users, keep nothing, and ping as often as Landfall does.

import { createServer } from "node:http";
import process from "node:process";
import uWS from "@trufflesuite/uws-js-unofficial";
import { WebSocketServer } from "ws";

const HOST = "127.0.0.1";
const PING_MS = 25_000;
const SOCKET = "/ws/";
const PUBLISH = "/pub/";

/** By its own topics: the fastest way that it has. */
function uws(port) {
  // Where its binary does not fit, the package silently puts a server of plain JavaScript in its place.
  if (!/\[native code\]/.test(Function.prototype.toString.call(uWS.App))) {
    throw new Error("uWebSockets.js has no binary for this Node.js");
  }
  const app = uWS.App();
  app.ws(`${SOCKET}:channel`, {
    compression: uWS.DISABLED,
    // It pings 16 s before the end of this: after 24 s.
    idleTimeout: 40,
    sendPingsAutomatically: true,
    maxBackpressure: 4 * 1024 * 1024,
    upgrade: (response, request, context) => {
      const [key, protocol, extensions] = ["key", "protocol", "extensions"].map((name) =>
        request.getHeader(`sec-websocket-${name}`),
      );
      response.upgrade({ channel: request.getParameter(0) }, key, protocol, extensions, context);
    },
    open: (socket) => {
      socket.subscribe(socket.getUserData().channel);
    },
  });
  app.post(`${PUBLISH}:channel`, (response, request) => {
    const channel = request.getParameter(0);
    let begun = Buffer.alloc(0);
    response.onAborted(() => {});
    response.onData((chunk, isLast) => {
      if (isLast && begun.length === 0) {
        app.publish(channel, chunk, false);
      } else {
        // The chunk is only lent.
        begun = Buffer.concat([begun, Buffer.from(chunk)]);
        if (isLast) app.publish(channel, begun, false);
      }
      if (isLast) response.end("ok");
    });
  });
  app.any("/*", (response) => response.end("ok"));
  app.listen(HOST, port, (listening) => {
    if (!listening) throw new Error(`port ${port} is taken`);
  });
}

/** The sockets of each channel in a set. */
function ws(port) {
  const channels = new Map();
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const message = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      for (const socket of channels.get(request.url.slice(PUBLISH.length)) ?? []) {
        socket.send(message, { binary: false });
      }
      response.writeHead(200, { "Content-Length": 2 }).end("ok");
    });
  });
  server.keepAliveTimeout = 3_600_000;
  server.on("upgrade", (request, stream, head) => {
    const channel = request.url.slice(SOCKET.length);
    webSockets.handleUpgrade(request, stream, head, (socket) => {
      const sockets = channels.get(channel) ?? new Set();
      channels.set(channel, sockets.add(socket));
      socket.on("error", () => {});
      socket.on("close", () => {
        if (sockets.delete(socket) && sockets.size === 0) channels.delete(channel);
      });
    });
  });
  setInterval(() => {
    for (const socket of webSockets.clients) socket.ping();
  }, PING_MS);
  server.listen(port, HOST, 16_384);
}

const [kind, port] = process.argv.slice(2);
({ uws, ws })[kind](Number(port));
