import { useLanguage } from '../i18n/language';
import { DAY_PX, ROW_PX } from './layout';

const ROWS = Array.from({ length: 12 }, (_, n) => n);

/** The list's shape before there is a list. */
export function Skeleton() {
  const { text } = useLanguage();
  return (
    <div className="list skeleton" role="status" aria-label={text.loading}>
      <div className="day">
        <span className="bone" />
      </div>
      {ROWS.map((n) => (
        <div key={n} className="row" style={{ transform: `translateY(${DAY_PX + n * ROW_PX}px)` }}>
          <span className="bone round" />
          <span className="row-link">
            <span className="row-line">
              <span className="bone" style={{ width: `${38 + ((n * 17) % 30)}%` }} />
            </span>
            <span className="row-line">
              <span className="bone" style={{ width: `${48 + ((n * 23) % 26)}%` }} />
            </span>
          </span>
        </div>
      ))}
    </div>
  );
}
