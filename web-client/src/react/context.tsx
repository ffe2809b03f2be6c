import { createContext, useContext, useEffect, type ReactNode } from 'react';
import type { Client } from '../core';

const Context = createContext<Client | undefined>(undefined);

/** Gives a client to everything below, and keeps its line open for as long as it is mounted. */
export function LandfallProvider({ client, children }: { client: Client; children: ReactNode }) {
  useEffect(() => {
    client.start();
    return () => client.stop();
  }, [client]);
  return <Context value={client}>{children}</Context>;
}

export function useClient(): Client {
  const client = useContext(Context);
  if (!client) throw new Error('useRecording and its kin need a <LandfallProvider> above them');
  return client;
}
