/** Who is signed in: a JWT that lives as long as the tab. */

/** Without a token the browser's own cookie speaks for the user. */
export interface Session {
  token?: string;
}

/** What a token says of its bearer. The page only shows it, and leaves out what the server would refuse anyway. */
export interface Claims {
  user: string | undefined;
  /** `undefined` when nobody but the server knows. */
  role: 'agent' | 'admin' | 'service' | undefined;
  /** Milliseconds since 1970. */
  expiresAt: number | undefined;
}

const STORED = 'landfall_token';

/** A compact JWT: three parts of base64url. Whether it is good is the server's to say. */
export function isToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

export function claimsOf(token: string | undefined): Claims {
  const nothing: Claims = { user: undefined, role: undefined, expiresAt: undefined };
  if (token === undefined) return nothing;
  try {
    const bytes = Uint8Array.from(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/')), (c) =>
      c.charCodeAt(0),
    );
    const { sub, role, exp } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    return {
      user: typeof sub === 'string' ? sub : undefined,
      role: role === 'admin' || role === 'service' ? role : 'agent',
      expiresAt: typeof exp === 'number' ? exp * 1000 : undefined,
    };
  } catch {
    return nothing;
  }
}

/** The token in `#token=…`, which is removed from the address bar and the history at once. */
export function takeFromAddress(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return undefined;
  history.replaceState(null, '', location.pathname + location.search);
  return isToken(token) ? token : undefined;
}

export function restore(): Session {
  const token = sessionStorage.getItem(STORED);
  return token === null ? {} : open(token);
}

/** Keeps the token for this tab. */
export function open(token: string): Session {
  sessionStorage.setItem(STORED, token);
  return { token };
}

export function close(): void {
  sessionStorage.removeItem(STORED);
}
