/** The wire between browser and server, which can be cut and taken down: a TCP relay on a port of its own. */

import { connect, createServer } from 'node:net';

export async function startWire(port) {
  const links = new Set();
  let up = true;
  const relay = createServer((near) => {
    if (!up) return near.destroy();
    const far = connect(port, '127.0.0.1');
    const link = { near, far };
    links.add(link);
    const end = () => {
      links.delete(link);
      near.destroy();
      far.destroy();
    };
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.pipe(to);
      from.on('error', end);
      from.on('close', end);
    }
  });
  await new Promise((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    // Reset, as by a crash or a firewall: no goodbye reaches the browser.
    for (const { near, far } of links) {
      near.resetAndDestroy();
      far.destroy();
    }
    links.clear();
  };
  return {
    base: `http://127.0.0.1:${relay.address().port}`,
    /** Ends every connection there is; new ones are let through. */
    cut,
    down: () => {
      up = false;
      cut();
    },
    up: () => (up = true),
    stop: async () => {
      cut();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}
