/** The keyboard map, for whoever has the focus within a player. Knows no framework. */

/** What keys can ask of a player. */
export interface Operable {
  readonly time: number;
  readonly duration: number | undefined;
  readonly rate: number;
  readonly volume: number;
  readonly selection: readonly [number, number] | undefined;
  toggle(): void;
  skip(by: number): void;
  seek(to: number): void;
  setRate(rate: number): void;
  setVolume(volume: number): void;
  toggleMuted(): void;
  select(span: readonly [number, number] | undefined): void;
}

export const SKIP_S = 10;
const ARROW_S = 5;
const PAGE_S = 30;
const SELECT_S = 1;
export const RATE_STEP = 0.25;

/** Letters by their place on the keyboard, so that they work in a Hebrew layout as well. */
function nameOf({ code, key, shiftKey }: KeyboardEvent): string {
  if (/^Key[JKLM]$/.test(code)) return code.slice(3);
  if (shiftKey && code === 'Comma') return '<';
  if (shiftKey && code === 'Period') return '>';
  return shiftKey && key.startsWith('Arrow') ? `Shift${key}` : key.length === 1 ? key.toUpperCase() : key;
}

/** Acts on a key, and says whether it was one of ours. */
export function press(event: KeyboardEvent, player: Operable): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return false;
  const target = event.target as HTMLElement;
  // Fields keep their keys; a button keeps the one that presses it; the timeline is a slider, where up is onward.
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || target.isContentEditable) return false;
  const onTimeline = target.getAttribute('role') === 'slider';
  const name = nameOf(event);
  if (name === ' ' && /^(BUTTON|A|SUMMARY)$/.test(target.tagName)) return false;
  switch (name) {
    case ' ':
    case 'K':
      player.toggle();
      return true;
    case 'J':
      player.skip(-SKIP_S);
      return true;
    case 'L':
      player.skip(SKIP_S);
      return true;
    // Time runs from left to right in every language.
    case 'ArrowLeft':
      player.skip(-ARROW_S);
      return true;
    case 'ArrowRight':
      player.skip(ARROW_S);
      return true;
    case 'ArrowUp':
    case 'ArrowDown': {
      const by = name === 'ArrowUp' ? 1 : -1;
      if (onTimeline) player.skip(by * ARROW_S);
      else player.setVolume(player.volume + by / 10);
      return true;
    }
    case 'PageUp':
      player.skip(PAGE_S);
      return true;
    case 'PageDown':
      player.skip(-PAGE_S);
      return true;
    case 'Home':
      player.seek(0);
      return true;
    case 'End':
      if (player.duration !== undefined) player.seek(player.duration);
      return true;
    case '<':
      player.setRate(player.rate - RATE_STEP);
      return true;
    case '>':
      player.setRate(player.rate + RATE_STEP);
      return true;
    case 'M':
      player.toggleMuted();
      return true;
    case 'ShiftArrowLeft':
    case 'ShiftArrowRight':
      widen(player, name === 'ShiftArrowRight' ? SELECT_S : -SELECT_S);
      return true;
    case 'Escape':
      if (!player.selection) return false;
      player.select(undefined);
      return true;
    default:
      return false;
  }
}

/** Moves the end of the selection, which begins where the player is. */
function widen(player: Operable, by: number): void {
  const { time, duration = Infinity, selection } = player;
  const [from, to] = selection ?? [time, time];
  const end = Math.min(duration, Math.max(0, to + by));
  player.select(end > from ? [from, end] : undefined);
}
