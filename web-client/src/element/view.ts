/**
 * The styled player in plain DOM, for the Web Component: the same classes, names and keys as the React one, over the same
 * `Player`. Knows no attributes and no server.
 */

import { clock, detailText, nameOf, sidesOf, spoken, statusText, type Text } from '../i18n';
import { press, scrub, SKIP_S, Wave, type Player, type PlayerState } from '../playback';
import { change, icon, make, set, write } from './dom';
import type { Glyph } from '../look/glyphs';

export interface Look {
  layout: 'full' | 'compact';
  theme: 'auto' | 'light' | 'dark';
}

const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const LOST = /^(gone|not_found|forbidden|signed_out)$/;

/** Puts a player into `host`; ends with the returned function. */
export function show(host: ParentNode & Node, player: Player, text: Text, { layout, theme }: Look): () => void {
  const updates: ((state: PlayerState) => void)[] = [];
  const each = (update: (state: PlayerState) => void) => void updates.push(update);

  const button = (look: string, glyph: Glyph, act: () => void, label: (state: PlayerState) => string) => {
    const drawn = icon(glyph);
    const element = make('button', { type: 'button', class: look }, drawn);
    element.addEventListener('click', act);
    each((state) => set(element, { 'aria-label': label(state), title: label(state) }));
    return { element, drawn };
  };

  const status = make('p', { class: 'landfall-status', role: 'status' });
  const detail = make('p', { class: 'landfall-detail' });
  const retry = make('button', { type: 'button', class: 'landfall-retry' }, text.tryAgain);
  retry.addEventListener('click', player.retry);
  const progress = make('div', { class: 'landfall-progress', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100 });
  each((state) => {
    const { wanted, saving, temporary } = state;
    write(status, statusText(state, text));
    write(detail, detailText(state, text));
    detail.hidden = !detail.textContent;
    retry.hidden = !(temporary && /^(failed|offline)$/.test(state.status));
    const percent = state.status === 'downloading' ? state.progress?.percent : undefined;
    progress.hidden = !(
      /^(queued|downloading|renewing)$/.test(state.status) ||
      ((wanted || saving) && /^(watching|offline)$/.test(state.status))
    );
    set(progress, { 'aria-label': status.textContent, 'aria-valuenow': percent, 'data-unknown': percent === undefined });
    progress.style.setProperty('--filled', String((percent ?? 0) / 100));
  });

  const canvas = make('canvas', { class: 'landfall-wave', 'aria-hidden': 'true' });
  const timeline = make('div', { class: 'landfall-timeline', role: 'slider', tabindex: 0, dir: 'ltr', 'aria-label': text.position, 'aria-valuemin': 0 }, canvas);
  const bubble = make('bdi');
  const hover = make('span', { 'data-hover': true, 'aria-hidden': 'true' }, bubble);
  hover.hidden = true;
  timeline.append(hover);
  each(({ time, duration }) => {
    const end = Math.round(duration ?? 0);
    set(timeline, {
      'aria-disabled': duration === undefined ? 'true' : undefined,
      'aria-valuemax': end,
      'aria-valuenow': Math.floor(time),
      'aria-valuetext': text.positionOf(spoken(time, text), spoken(end, text)),
    });
  });
  const track = make(
    'div',
    { class: 'landfall-track' },
    timeline,
    make('div', { class: 'landfall-notice', dir: 'auto' }, make('div', { class: 'landfall-words' }, status, detail), retry, progress),
  );

  const play = button('landfall-play', 'play', player.toggle, (state) => (state.playing || state.wanted ? text.pause : text.play));
  each(({ playing, wanted, buffering, status: now }) => {
    change(play.drawn, playing || wanted ? 'pause' : 'play');
    set(play.element, { 'aria-busy': wanted || buffering ? 'true' : undefined, disabled: LOST.test(now) });
  });
  const skip = (by: number) => {
    const label = (by < 0 ? text.back : text.forward)(spoken(SKIP_S, text));
    const made = button('landfall-button landfall-skip', by < 0 ? 'back' : 'forward', () => player.skip(by), () => label);
    made.element.append(make('span', { 'aria-hidden': 'true' }, String(SKIP_S)));
    each(({ duration, status: now }) => set(made.element, { disabled: duration === undefined || LOST.test(now) }));
    return made.element;
  };

  const now = make('bdi', { class: 'landfall-now', dir: 'ltr' });
  const end = make('bdi', { dir: 'ltr' });
  const time = make('div', { class: 'landfall-clock', dir: 'ltr' }, now, make('span', { 'aria-hidden': 'true' }, '/'), end);
  each((state) => {
    write(now, clock(state.time));
    write(end, state.duration === undefined ? '–:––' : clock(Math.round(state.duration)));
  });

  const rate = make('select', { class: 'landfall-rate', dir: 'ltr', 'aria-label': text.rate, title: text.rate });
  rate.append(...RATES.map((value) => new Option(`${value}×`, String(value))));
  rate.addEventListener('change', () => player.setRate(Number(rate.value)));
  each((state) => {
    const value = String(state.rate);
    if (![...rate.options].some((option) => option.value === value)) rate.append(new Option(`${value}×`, value));
    rate.value = value;
  });

  const download = button('landfall-button landfall-download', 'download', player.download, () => text.download);
  each(({ saving, saveTrouble, status: state }) =>
    set(download.element, {
      disabled: saving || LOST.test(state),
      'aria-busy': saving ? 'true' : undefined,
      'data-failed': saveTrouble !== undefined,
    }),
  );

  const body = make('div', { class: 'landfall-body' });
  if (layout === 'compact') {
    body.append(
      play.element,
      make('div', { class: 'landfall-stage', dir: 'ltr' }, track),
      time,
      make('div', { class: 'landfall-tools' }, rate, download.element),
    );
  } else {
    const title = make('bdi', { class: 'landfall-title' });
    const parties = make('span', { class: 'landfall-parties' });
    const chip = button('landfall-chip', 'close', () => player.select(undefined), ({ selection }) => {
      const [from, to] = (selection ?? [0, 0]).map(clock) as [string, string];
      return `${text.loop(from, to)}. ${text.endLoop}`;
    });
    const span = make('bdi');
    chip.element.prepend(span);
    const side = (index: 0 | 1) => {
      const alone = index === 0 ? -1 : 1;
      const element = make('button', { type: 'button', class: 'landfall-side' });
      element.addEventListener('click', () => player.setBalance(player.state.balance === alone ? 0 : alone));
      each(({ stereo, balance, recording }) => {
        const name = sidesOf(recording, text)[index];
        element.hidden = !stereo;
        write(element, name);
        set(element, { 'aria-label': text.only(name), title: text.only(name), 'aria-pressed': String(balance === alone) });
      });
      return element;
    };
    const silence = button('landfall-button', 'silence', () => player.setSkipsSilence(!player.state.skipsSilence), () => text.skipSilence);
    const mute = button('landfall-button', 'volume', player.toggleMuted, ({ muted, volume }) =>
      muted || volume === 0 ? text.unmute : text.mute,
    );
    const volume = make('input', { class: 'landfall-range', type: 'range', dir: 'ltr', min: 0, max: 1, step: 0.05, 'aria-label': text.volume, title: text.volume });
    volume.addEventListener('input', () => player.setVolume(volume.valueAsNumber));
    const link = button('landfall-button landfall-copy', 'link', () => void player.copyLink(), (state) =>
      state.copied ? text.copied : text.copyLink(clock(state.time)),
    );
    each((state) => {
      const { title: named, from, to } = state.recording ?? {};
      write(title, nameOf(state.recording, text));
      // Numbers are isolated from the direction of the text around them.
      const isolated = [from, to].map((party) => `\u2066${party ?? text.unknownParty}\u2069`);
      write(parties, named && (from || to) ? isolated.join(text.dir === 'rtl' ? ' ← ' : ' → ') : '');
      chip.element.hidden = !state.selection;
      write(span, (state.selection ?? []).map(clock).join(' – '));
      set(silence.element, { 'aria-pressed': String(state.skipsSilence), disabled: !state.canSkipSilence });
      const loud = state.muted ? 0 : state.volume;
      change(mute.drawn, loud === 0 ? 'muted' : 'volume');
      volume.value = String(loud);
      volume.style.setProperty('--filled', String(loud));
      set(volume, { 'aria-valuetext': `${Math.round(loud * 100)}%` });
      change(link.drawn, state.copied ? 'done' : 'link');
      set(link.element, { 'data-copied': state.copied });
    });
    body.append(
      make('div', { class: 'landfall-head' }, make('div', { class: 'landfall-names' }, title, parties), chip.element, make('div', { class: 'landfall-sides' }, side(0), side(1))),
      make('div', { class: 'landfall-stage', dir: 'ltr' }, track),
      make(
        'div',
        { class: 'landfall-bar' },
        time,
        make('div', { class: 'landfall-transport', dir: 'ltr' }, skip(-SKIP_S), play.element, skip(SKIP_S)),
        make(
          'div',
          { class: 'landfall-tools' },
          rate,
          silence.element,
          make('div', { class: 'landfall-volume' }, mute.element, volume),
          link.element,
          download.element,
        ),
      ),
    );
  }

  const root = make('div', { class: 'landfall-player', role: 'group', lang: text.language, dir: text.dir, 'data-layout': layout, 'data-theme': theme }, body, player.element);
  player.element.hidden = true;
  each((state) => {
    set(root, { 'data-status': state.status, 'aria-label': `${text.player}: ${nameOf(state.recording, text)}` });
  });
  root.addEventListener('keydown', (event) => {
    if (press(event, player)) event.preventDefault();
    event.stopPropagation();
  });
  root.addEventListener('click', (event) => event.stopPropagation());

  const update = () => {
    for (const each of updates) each(player.state);
  };
  host.append(root);
  const ends = [
    player.subscribe(update),
    scrub(timeline, player, (at) => {
      hover.hidden = !at;
      if (!at) return;
      hover.style.left = `${at.x}px`;
      write(bubble, clock(at.time));
    }),
    new Wave(canvas, player).start(),
  ];
  update();
  return () => {
    for (const end of ends) end();
    root.remove();
  };
}
