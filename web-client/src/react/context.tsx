/** Which server and which language the parts below use. */

import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import { createClient, type Client } from '../core';
import { en, type Text } from '../i18n';

const ClientContext = createContext<Client | undefined>(undefined);
const TextContext = createContext<Text>(en);

export interface LandfallProviderProps {
  /** The page's client of its own origin, by cookie, unless given. */
  client?: Client | undefined;
  /** The texts of the players below; English unless set. */
  text?: Text | undefined;
  children?: ReactNode;
}

/** Gives a client to everything below, and keeps its line open for as long as it is mounted. */
export function LandfallProvider({ client: given, text, children }: LandfallProviderProps) {
  const [own] = useState(() => given ?? createClient());
  const client = given ?? own;
  useEffect(() => {
    client.start();
    return () => client.stop();
  }, [client]);
  // `.Provider`, not the context itself: React 18 knows no other.
  const below = <ClientContext.Provider value={client}>{children}</ClientContext.Provider>;
  return text ? <TextProvider text={text}>{below}</TextProvider> : below;
}

/** Another language for what is below. */
export function TextProvider({ text, children }: { text: Text; children?: ReactNode }) {
  return <TextContext.Provider value={text}>{children}</TextContext.Provider>;
}

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error('useRecording and its kin need a <LandfallProvider> above them');
  return client;
}

export function useText(): Text {
  return useContext(TextContext);
}
