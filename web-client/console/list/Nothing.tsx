import { Blank } from '../Blank';
import { useLanguage } from '../i18n/language';
import type { Calls } from './useCalls';

interface Props {
  calls: Calls;
  filtered: boolean;
  onClear: () => void;
}

/** In the list's place: why there is none. Trouble, no call at all, none that matches, or none so far. */
export function Nothing({ calls, filtered, onClear }: Props) {
  const { code, text } = useLanguage();
  const { problem } = calls;
  if (problem) {
    const forbidden = problem.status === 403;
    const said = (code === 'he' ? problem.messages.he : problem.messages.en) ?? text.unexpected;
    const why = forbidden ? text.forbidden.text : problem.status === 0 ? text.network : said;
    return (
      <Blank
        icon={forbidden ? 'lock' : problem.status === 0 ? 'offline' : 'warning'}
        title={forbidden ? text.forbidden.title : text.error.title}
        text={why}
        alert
      >
        {!forbidden && (
          <button type="button" className="button" onClick={calls.reload}>
            {text.error.retry}
          </button>
        )}
      </Blank>
    );
  }
  if (calls.hasMore) {
    return (
      <Blank icon="search" title={text.nothingYet.title} text={text.nothingYet.text}>
        <button type="button" className="button" disabled={calls.loadingMore} onClick={calls.loadMore}>
          {calls.loadingMore ? text.loadingMore : text.searchFurther}
        </button>
      </Blank>
    );
  }
  if (!filtered) return <Blank icon="empty" title={text.empty.title} text={text.empty.text} />;
  return (
    <Blank icon="search" title={text.nothing.title} text={text.nothing.text}>
      <button type="button" className="button" onClick={onClear}>
        {text.nothing.clear}
      </button>
    </Blank>
  );
}
