/** What a listener's browser remembers: speed, volume, and where each recording was left. Bounded, and never in the way. */

/** The old player's key: listeners keep the speed they have chosen. */
const RATE = 'audioPlaybackRate';
const VOLUME = 'landfallVolume';
const PLACES = 'landfallPlaces';
/** Recordings whose place is remembered; the one left longest ago is forgotten first. */
export const MOST_PLACES = 200;
/** So near to either end there is nothing to come back to. */
const EDGE_S = 5;

/** Storage may be forbidden, full, or hold what somebody else wrote. */
function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // What cannot be remembered is forgotten.
  }
}

const within = (value: unknown, low: number, high: number, otherwise: number): number =>
  typeof value === 'number' && value >= low && value <= high ? value : otherwise;

export const rememberedRate = (): number => within(read(RATE), 0.5, 3, 1);
export const rememberRate = (rate: number): void => write(RATE, rate);
export const rememberedVolume = (): number => within(read(VOLUME), 0, 1, 1);
export const rememberVolume = (volume: number): void => write(VOLUME, volume);

/** Oldest first. */
function places(): [sid: string, seconds: number][] {
  const found = read(PLACES);
  return Array.isArray(found) ? found.filter((each) => Array.isArray(each) && typeof each[1] === 'number') : [];
}

/** Seconds at which `sid` was left; 0 when there is nothing to come back to. */
export function placeOf(sid: string): number {
  return places().find(([each]) => each === sid)?.[1] ?? 0;
}

export function rememberPlace(sid: string, seconds: number, duration: number | undefined): void {
  const others = places().filter(([each]) => each !== sid);
  const worth = seconds > EDGE_S && (duration === undefined || seconds < duration - EDGE_S);
  write(PLACES, [...others, ...(worth ? [[sid, Math.round(seconds * 10) / 10]] : [])].slice(-MOST_PLACES));
}
