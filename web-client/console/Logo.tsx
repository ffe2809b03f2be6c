export function Logo() {
  return (
    <span className="logo">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="var(--brand)" />
        <path d="M9 13.5v5M13.7 8v16M18.3 11v10M23 14.5v3" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" />
      </svg>
      <span dir="ltr">Landfall</span>
    </span>
  );
}
