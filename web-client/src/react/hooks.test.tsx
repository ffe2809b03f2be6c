import { act, StrictMode } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { render, unmount } from '../components/testing';
import { Client } from '../core';
import { FakeSocket, recording, settle, sid } from '../core/testing';
import { FakeServer, installMedia, SID } from '../playback/testing';
import { LandfallProvider, useLink, useRecording, useRecordingPlayer, usePlayer, usePlayerState } from '.';

// Whatever else the machine has to do, these wait for nothing but themselves.
vi.setConfig({ testTimeout: 60_000 });

let client: Client;

beforeEach(() => {
  localStorage.clear();
  installMedia();
  FakeSocket.install();
  client = new Client({ url: 'ws://landfall.test/ws/recordings' });
});

afterEach(() => {
  unmount();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function welcome() {
  await act(settle);
  act(() => FakeSocket.last.welcomes());
  await act(settle);
}

it('renders for the part that a selector picks, and for nothing else', async () => {
  const rendered = vi.fn();
  function State() {
    rendered(useRecording(sid(1), { intent: 'watch', selector: ({ recording }) => ({ state: recording?.state }) }).state);
    return null;
  }
  render(
    <LandfallProvider client={client}>
      <State />
    </LandfallProvider>,
  );
  await welcome();
  act(() => FakeSocket.last.says({ type: 'state', ...recording(1, 1, 'downloading', { received: 1 }) }));
  const before = rendered.mock.calls.length;
  act(() => FakeSocket.last.says({ type: 'progress', sid: sid(1), v: 1, received: 2, total: 9 }));
  expect(rendered.mock.calls.length).toBe(before);
  act(() => FakeSocket.last.says({ type: 'ready', ...recording(1, 2, 'ready') }));
  expect(rendered.mock.lastCall).toEqual(['ready']);
});

it('subscribes a hundred rows in one message on one socket, and nothing twice under StrictMode', async () => {
  function Row({ n }: { n: number }) {
    return <p>{useRecording(sid(n), { intent: 'watch' }).recording?.state}</p>;
  }
  render(
    <StrictMode>
      <LandfallProvider client={client}>
        {Array.from({ length: 100 }, (_, n) => (
          <Row key={n} n={n} />
        ))}
      </LandfallProvider>
    </StrictMode>,
  );
  await welcome();
  const subscribed = FakeSocket.all.flatMap((socket) => socket.of('subscribe'));
  expect(subscribed).toHaveLength(1);
  expect(new Set(subscribed[0]!.sids).size).toBe(100);
});

it('closes the line with the last provider', async () => {
  function Link() {
    return <p>{useLink().phase}</p>;
  }
  const page = render(
    <LandfallProvider client={client}>
      <Link />
    </LandfallProvider>,
  );
  await welcome();
  expect(page.textContent).toBe('online');
  unmount();
  expect(FakeSocket.last.closed).toBe(true);
});

it('gives all that a player shows and does to a player of one’s own', async () => {
  const pressed: (() => void)[] = [];
  function Mine() {
    const { status, time, playing, toggle, seek } = useRecordingPlayer(sid(1));
    pressed.push(toggle);
    return <button onClick={() => seek(30)}>{`${status} ${time} ${playing}`}</button>;
  }
  const page = render(
    <LandfallProvider client={client}>
      <Mine />
    </LandfallProvider>,
  );
  await welcome();
  expect(page.textContent).toBe('watching 0 false');
  act(() => page.querySelector('button')!.click());
  expect(page.textContent).toBe('watching 30 false');
  act(() => pressed.at(-1)!());
  await act(settle);
  expect(FakeSocket.last.of('subscribe').at(-1)).toMatchObject({ sids: [sid(1)], intent: 'play' });
  // The same actions for as long as it is the same player.
  expect(new Set(pressed).size).toBe(1);
});

it('plays under StrictMode, which takes every player apart once', async () => {
  const server = new FakeServer();
  let toggle = () => {};
  function Mine() {
    const player = usePlayer(SID, {}, server);
    toggle = player.toggle;
    return <p>{usePlayerState(player, ({ playing, time }) => `${playing} ${Math.floor(time)}`)}</p>;
  }
  const page = render(
    <StrictMode>
      <Mine />
    </StrictMode>,
  );
  act(() => server.says('ready'));
  act(() => toggle());
  await act(() => new Promise((resolve) => setTimeout(resolve, 5)));
  expect(page.textContent).toBe('true 0');
  expect(server.held).toBe(1);
});

it('says what is missing where there is no provider', () => {
  function Lost() {
    useRecording(SID);
    return null;
  }
  vi.spyOn(console, 'error').mockImplementation(() => {});
  expect(() => render(<Lost />)).toThrow('LandfallProvider');
});
