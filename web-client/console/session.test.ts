import { beforeEach, describe, expect, it } from 'vitest';
import { close, open, restore, takeFromAddress } from './session';

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
  it('survives a reload of the tab and sets the cookie for media', () => {
    open('a.b.c');
    expect(restore()).toEqual({ token: 'a.b.c' });
    expect(document.cookie).toContain('landfall_session=a.b.c');
  });

  it('that is closed leaves neither token nor cookie', () => {
    open('a.b.c');
    close();
    expect(restore()).toEqual({});
    expect(document.cookie).not.toContain('landfall_session');
  });
});
