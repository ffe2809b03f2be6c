import { beforeEach, describe, expect, it } from 'vitest';
import { claimsOf, close, open, restore, takeFromAddress } from './session';

beforeEach(() => {
  close();
  history.replaceState(null, '', '/');
});

describe('a token in the address', () => {
  it('is taken, and gone from the address bar at once', () => {
    history.replaceState(null, '', '/?from=demo#token=a.b-_c.d');
    expect(takeFromAddress()).toBe('a.b-_c.d');
    expect(location.href).toMatch(/\/\?from=demo$/);
  });

  it('that is none is removed all the same', () => {
    history.replaceState(null, '', '/#token=%3Cscript%3E');
    expect(takeFromAddress()).toBeUndefined();
    expect(location.hash).toBe('');
  });

  it('is not confused with another fragment', () => {
    history.replaceState(null, '', '/#calls');
    expect(takeFromAddress()).toBeUndefined();
    expect(location.hash).toBe('#calls');
  });
});

describe('a session', () => {
  it('survives a reload of the tab, and no cookie carries it elsewhere', () => {
    open('a.b.c');
    expect(restore()).toEqual({ token: 'a.b.c' });
    expect(document.cookie).toBe('');
  });

  it('that is closed leaves no token', () => {
    open('a.b.c');
    close();
    expect(restore()).toEqual({});
  });
});

describe('what a token says of its bearer', () => {
  const jwt = (claims: object) =>
    `e30.${btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(claims)))).replace(/=+$/, '')}.x`;

  it('is name, role and end', () => {
    expect(claimsOf(jwt({ sub: 'דנה', role: 'admin', exp: 1_772_357_400 }))).toEqual({
      user: 'דנה',
      role: 'admin',
      expiresAt: 1_772_357_400_000,
    });
  });

  it('without a role is an agent', () => {
    expect(claimsOf(jwt({ sub: 'dana' })).role).toBe('agent');
  });

  it('is nothing when there is no token, or an unreadable one', () => {
    expect(claimsOf(undefined).role).toBeUndefined();
    expect(claimsOf('a.b.c').role).toBeUndefined();
  });
});
