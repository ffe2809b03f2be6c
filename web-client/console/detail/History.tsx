import { moment, reason } from '../format';
import { useLanguage } from '../i18n/language';
import type { Audit } from './useAudit';

/** Who listened, downloaded, linked, held, erased, or was refused. */
export function History({ audit }: { audit: Audit }) {
  const { code, text } = useLanguage();
  const { items, loaded, loading, hasMore, problem, reload, loadMore } = audit;
  return (
    <section className="history" aria-busy={loading}>
      <h3>{text.audit.title}</h3>
      {!loaded && !loading && !problem && (
        <button type="button" className="button small" onClick={reload}>
          {text.audit.show}
        </button>
      )}
      {problem && (
        <p className="wrong" role="alert">
          {problem.status === 403 ? text.audit.refused : text.audit.failed}{' '}
          {problem.status !== 403 && (
            <button type="button" className="button small" onClick={reload}>
              {text.error.retry}
            </button>
          )}
        </p>
      )}
      {!loaded && loading && (
        <ol className="deeds" aria-hidden="true">
          {[0, 1, 2].map((n) => (
            <li key={n} className="deed">
              <span className="bone wide" />
            </li>
          ))}
        </ol>
      )}
      {loaded && items.length === 0 && <p className="quiet">{text.audit.none}</p>}
      {items.length > 0 && (
        <ol className="deeds">
          {items.map(({ at, who, action, address, outcome }, n) => (
            <li key={`${at} ${n}`} className="deed" data-outcome={outcome === 'ok' ? 'ok' : 'refused'}>
              <span className="deed-what">
                <bdi className="deed-who">{who ?? text.audit.nobody}</bdi> {text.audit.actions[action] ?? action}
                {outcome !== 'ok' && <span className="deed-why">{text.codes[outcome] ? reason(outcome, text) : outcome}</span>}
              </span>
              <span className="deed-when">
                <time dateTime={at}>{moment(at, code)}</time>
                <bdi>{address}</bdi>
              </span>
            </li>
          ))}
        </ol>
      )}
      {hasMore && (
        <button type="button" className="button small" disabled={loading} onClick={loadMore}>
          {text.audit.more}
        </button>
      )}
    </section>
  );
}
