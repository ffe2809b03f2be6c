/**
 * A loudspeaker that nobody hears. Firefox on a machine without one plays for a moment and then gives up; Chromium brings
 * its own.
 */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 10_000;

export async function startSpeaker() {
  const home = await mkdtemp(join(tmpdir(), 'landfall-e2e-sound-'));
  const socket = join(home, 'pulse');
  const child = spawn(
    process.env.PULSEAUDIO_BIN ?? '/usr/bin/pulseaudio',
    [
      '-n',
      '--daemonize=no',
      '--use-pid-file=no',
      '--exit-idle-time=-1',
      '--load=module-null-sink',
      `--load=module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
    ],
    { env: { ...process.env, HOME: home, PULSE_RUNTIME_PATH: home, XDG_RUNTIME_DIR: home }, stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const deadline = Date.now() + START_MS;
  while (!(await answers(socket))) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error('pulseaudio does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    server: `unix:${socket}`,
    stop: async () => {
      child.kill();
      await ended;
      await rm(home, { recursive: true, force: true });
    },
  };
}

function answers(path) {
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
}
