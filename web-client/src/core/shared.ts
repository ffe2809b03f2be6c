/** One client per page and server, whoever asks for it: lists, players and elements share one line. */

import { Client, type ClientOptions } from './client';

const clients = new Map<string, Client>();

/**
 * The page's client of this server: made at the first call, whose options it keeps; a later `token` is a newer one.
 * Outside of a browser, where users share the process, each call makes a client of its own.
 */
export function createClient(options: ClientOptions = {}): Client {
  if (typeof window === 'undefined') return new Client(options);
  const client = new Client(options);
  const key = options.url ?? client.server;
  const shared = clients.get(key);
  if (!shared) {
    clients.set(key, client);
    return client;
  }
  if (options.token) shared.refresh(options.token);
  return shared;
}
