import { useMemo } from 'react';
import { PlayerView } from '../../src/components';
import { en, he } from '../../src/i18n';
import { LandfallProvider, TextProvider } from '../../src/react';
import { FixedLanguage } from '../i18n/language';
import { CallRow } from '../list/CallRow';
import { StateBadge } from '../StateBadge';
import type { Case } from './cases';
import { QuietClient, StillPlayer } from './still';

interface Props {
  of: Case;
  language: 'en' | 'he';
  theme: 'light' | 'dark';
}

const ignore = () => {};

/** One state, in one language and one theme: as a row, as a player, as a player in a row. */
export function Cell({ of: { name, recording, look }, language, theme }: Props) {
  const client = useMemo(() => new QuietClient([recording]), [recording]);
  const wide = useMemo(() => new StillPlayer(recording, look), [recording, look]);
  const narrow = useMemo(() => new StillPlayer(recording, look), [recording, look]);
  const missing = look.status === 'not_found' || look.status === 'forbidden';
  return (
    <div className="cell" lang={language} dir={language === 'he' ? 'rtl' : 'ltr'} data-theme={theme}>
      <FixedLanguage code={language}>
        <LandfallProvider client={client}>
          <TextProvider text={language === 'he' ? he : en}>
            {!missing && (
              <ol className="list" aria-label={`${name}, ${language}, ${theme}`}>
                <CallRow
                  listed={recording}
                  watched={false}
                  open={false}
                  playing={look.playing ?? false}
                  reachable
                  top={0}
                  position={1}
                  onOpen={ignore}
                  onPlay={ignore}
                  onFocus={ignore}
                />
              </ol>
            )}
            {!missing && <StateBadge recording={recording} error={undefined} />}
            <PlayerView player={wide} />
            <PlayerView player={narrow} layout="compact" />
          </TextProvider>
        </LandfallProvider>
      </FixedLanguage>
    </div>
  );
}
