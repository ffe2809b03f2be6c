/** A place in a recording as part of a page's address: `#t=83`, with `&recording=CA…` where the page has several. */

/** The page's address with a place in it; what else its fragment says is replaced. */
export function addressAt(sid: string, seconds: number): string {
  return `${location.href.split('#')[0]}#t=${Math.floor(seconds)}&recording=${sid}`;
}

/** Seconds that the page's address names for `sid`. A plain `#t=` means whatever recording the page shows. */
export function placeInAddress(sid: string): number | undefined {
  const fragment = new URLSearchParams(location.hash.replace(/^#/, ''));
  const named = fragment.get('recording');
  const seconds = parse(fragment.get('t'));
  return named === null || named === sid ? seconds : undefined;
}

/** `83`, `83.5`, `1:23` or `1:02:03`. */
function parse(text: string | null): number | undefined {
  if (!text || !/^\d+(:\d{1,2}){0,2}(\.\d+)?$/.test(text)) return undefined;
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}
