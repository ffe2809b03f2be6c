// @vitest-environment node
import { renderToString } from 'react-dom/server';
import { expect, it } from 'vitest';
import { AudioPlayer } from '../audio-player';
import { he } from '../i18n';
import { LandfallProvider } from '../react';
import { RecordingPlayer } from '.';
import '../element';

const SID = `CA${'1'.repeat(32)}`;

it('renders without a page: players, the drop-in, and the Web Component does nothing', () => {
  expect(typeof document).toBe('undefined');
  const html = renderToString(
    <LandfallProvider text={he}>
      <RecordingPlayer sid={SID} />
      <AudioPlayer src={`/api/recordings/file/${SID}`} />
    </LandfallProvider>,
  );
  expect(html).toContain(he.status.watching);
  expect(html.match(/role="slider"/g)).toHaveLength(2);
});
