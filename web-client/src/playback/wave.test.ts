import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Player } from './player';
import { FakeServer, installMedia, reach, SID } from './testing';
import { canvas, installPage, sight } from './testingPage';
import { Wave } from './wave';

// Whatever else the machine has to do, these wait for nothing but themselves.
vi.setConfig({ testTimeout: 60_000 });

let server: FakeServer;
let player: Player;
const ends: (() => void)[] = [];
const frames = vi.fn<(callback: FrameRequestCallback) => number>();

beforeEach(async () => {
  vi.useFakeTimers();
  localStorage.clear();
  installMedia();
  installPage();
  frames.mockReset().mockReturnValue(1);
  vi.stubGlobal('requestAnimationFrame', frames);
  server = new FakeServer();
  server.says('ready');
  player = new Player(server, SID);
  ends.push(player.connect());
  ends.push(new Wave(document.createElement('canvas'), player).start());
});

afterEach(() => {
  for (const end of ends.splice(0)) end();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const nextFrame = () => frames.mock.lastCall![0](0);

async function play() {
  player.play();
  await vi.advanceTimersByTimeAsync(1);
  await vi.advanceTimersByTimeAsync(1);
}

it('draws a line of bars before there is a waveform', () => {
  expect(canvas.bars).toHaveLength(100);
});

it('asks for no frame while it stands still', () => {
  expect(frames).not.toHaveBeenCalled();
});

it('repaints only what the playhead passed', async () => {
  await play();
  reach(player.element, 30);
  canvas.cleared = [];
  canvas.bars = [];
  // 240 seconds on 300 pixels: four seconds are five pixels.
  player.element.dispatchEvent(new Event('x'));
  Object.defineProperty(player.element, 'currentTime', { configurable: true, get: () => 34 });
  nextFrame();
  expect(canvas.cleared).toEqual([[33, 15]]);
  expect(canvas.bars.map(({ x }) => x)).toEqual([33, 36, 39, 42, 45]);
  expect(canvas.bars.map(({ alpha }) => alpha === 1)).toEqual([true, true, true, false, false]);
});

it('asks for frames only while it plays and is on the screen', async () => {
  await play();
  expect(frames).toHaveBeenCalledTimes(1);
  nextFrame();
  expect(frames).toHaveBeenCalledTimes(2);
  sight(false);
  nextFrame();
  expect(frames).toHaveBeenCalledTimes(2);
  sight(true);
  expect(frames).toHaveBeenCalledTimes(3);
  player.pause();
  nextFrame();
  expect(frames).toHaveBeenCalledTimes(3);
});

it('shows what is buffered stronger than what is not', async () => {
  canvas.bars = [];
  await play();
  const drawn = canvas.bars.slice(-100);
  // The first 20 of 240 seconds are here.
  expect(drawn[5]!.alpha).toBeGreaterThan(drawn[50]!.alpha);
});
