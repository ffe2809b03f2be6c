import { Blank } from './Blank';
import { useLanguage } from './i18n/language';
import type { Calls } from './useCalls';

interface Props {
  calls: Calls;
  filtered: boolean;
  onClear: () => void;
}

/** No call to show: none there is, none that matches, or none among those that were searched so far. */
export function Nothing({ calls, filtered, onClear }: Props) {
  const { text } = useLanguage();
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
