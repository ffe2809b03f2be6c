/**
 * `<landfall-player sid server>`: the player as a Web Component, without React. Importing this defines it; on a server it
 * does nothing.
 *
 * Attributes: `sid`; `server` (the page's origin unless set); `language` (`en`, `he`; else the nearest `lang`); `layout`
 * (`full`, `compact`); `theme` (`auto`, `light`, `dark`); `preload` (`none`, `metadata`); `start-at` (seconds).
 * Properties: `client` (one with a token, for instance), `text` (another language), `player` (to operate it).
 * Events: `landfall-status`, `landfall-play`, `landfall-pause`, `landfall-time` (each second); `detail` is the state.
 */

import { createClient, type Client } from '../core';
import { en, he, type Text } from '../i18n';
import { Player, type PlayerState } from '../playback';
import styles from '../styles.css?inline';
import { show } from './view';

const LANGUAGES: Readonly<Record<string, Text>> = { en, he };
const ATTRIBUTES = ['sid', 'server', 'language', 'layout', 'theme', 'preload', 'start-at'];
/** A server has no elements: there the class is defined for types alone. */
const Base = (typeof HTMLElement === 'undefined' ? class {} : HTMLElement) as typeof HTMLElement;

let shared: CSSStyleSheet | undefined;

/** One for all elements; unlike a `<style>`, a page's policy (`style-src 'self'`) has nothing against it. */
function sheet(): CSSStyleSheet {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(`:host { display: block }\n${styles}`);
  }
  return shared;
}

export class LandfallPlayerElement extends Base {
  static observedAttributes = ATTRIBUTES;

  /** What it plays with, while it is in a page and has a `sid`. */
  player: Player | undefined;

  #client: Client | undefined;
  #text: Text | undefined;
  #end: (() => void) | undefined;
  #due = false;

  get client(): Client {
    return this.#client ?? createClient({ server: this.getAttribute('server') ?? undefined });
  }

  set client(client: Client) {
    this.#client = client;
    this.#rebuild();
  }

  get text(): Text {
    if (this.#text) return this.#text;
    const language = this.getAttribute('language') ?? this.closest('[lang]')?.getAttribute('lang') ?? 'en';
    return LANGUAGES[language.split('-')[0]!.toLowerCase()] ?? en;
  }

  set text(text: Text) {
    this.#text = text;
    this.#rebuild();
  }

  connectedCallback(): void {
    this.#rebuild();
  }

  disconnectedCallback(): void {
    this.#clear();
  }

  attributeChangedCallback(): void {
    this.#rebuild();
  }

  /** Once for however many attributes one moment changes. */
  #rebuild(): void {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      this.#clear();
      if (this.isConnected) this.#build();
    });
  }

  #build(): void {
    const sid = this.getAttribute('sid');
    if (!sid) return;
    const { client } = this;
    const startAt = Number(this.getAttribute('start-at')) || undefined;
    const preload = this.getAttribute('preload') === 'metadata' ? 'metadata' : 'none';
    const player = new Player(client, sid, { preload, startAt });
    const shadow = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    shadow.replaceChildren();
    shadow.adoptedStyleSheets = [sheet()];
    client.start();
    const disconnect = player.connect();
    const hide = show(shadow, player, this.text, {
      layout: this.getAttribute('layout') === 'compact' ? 'compact' : 'full',
      theme: (this.getAttribute('theme') as 'auto' | null) ?? 'auto',
    });
    const hush = this.#announce(player);
    this.player = player;
    this.#end = () => {
      hush();
      hide();
      disconnect();
      client.stop();
      this.player = undefined;
    };
  }

  #clear(): void {
    this.#end?.();
    this.#end = undefined;
  }

  #announce(player: Player): () => void {
    let before: PlayerState = player.state;
    return player.subscribe(() => {
      const { state } = player;
      const say = (name: string) => this.dispatchEvent(new CustomEvent(`landfall-${name}`, { detail: state }));
      const { status, playing, time } = before;
      before = state;
      if (state.status !== status) say('status');
      if (state.playing !== playing) say(state.playing ? 'play' : 'pause');
      if (Math.floor(state.time) !== Math.floor(time)) say('time');
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'landfall-player': LandfallPlayerElement;
  }
}

if (typeof customElements !== 'undefined' && !customElements.get('landfall-player')) {
  customElements.define('landfall-player', LandfallPlayerElement);
}
