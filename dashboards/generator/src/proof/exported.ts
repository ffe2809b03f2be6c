/** What the processes export, and what may stay unused or untouched, each with its reason. */

/** Exported, and neither on a dashboard nor in an alert. */
export const UNUSED: Record<string, string> = {
  landfall_peaks_seconds: 'grows with the length of a recording, and delays nobody',
  process_virtual_memory_bytes: 'mapped recordings count in it: its size says nothing of memory',
  process_virtual_memory_max_bytes: 'a limit that nobody sets',
};

/** Stays at zero in the drill. */
export const UNTOUCHED: Record<string, string> = {
  landfall_audit_lost_total: 'needs a catalog that takes nothing for minutes; audit::tests provokes it',
  process_virtual_memory_max_bytes: 'a limit that nobody sets',
  landfall_login_requests_total: 'only with auth.mode = forward; metrics::levels provokes it',
};

/** The families that these processes export: a histogram is one. */
export async function families(bases: string[]): Promise<Set<string>> {
  const texts = await Promise.all(bases.map(async (base) => (await fetch(`${base}/metrics`)).text()));
  return new Set(texts.flatMap((text) => [...text.matchAll(/^# TYPE (\S+) /gm)].map((found) => found[1] ?? '')));
}

/** The family of a series' name. */
export const familyOf = (name: string): string => name.replace(/_(bucket|count|sum)$/, '');
