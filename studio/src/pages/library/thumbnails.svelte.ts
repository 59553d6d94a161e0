/**
 * The small pictures of the grid: one place that knows which are asked for, so that no tile needs to watch anything.
 * Without a key the browser fetches and keeps them; an <img> can send no key, so with one they are fetched here.
 */

import { SvelteMap } from "svelte/reactivity";

import { keys } from "$/api/key.svelte";
import { fetchedPicture, keptPicture } from "$/api/pictures";

/** In the place of an address: the server has no such picture. */
export const MISSING = "";

export class Thumbnails {
  #sources = new SvelteMap<string, string>();
  #coming = new Map<string, AbortController>();

  /** The address to show; undefined while there is none. */
  of(path: string): string | undefined {
    return this.#sources.get(path) ?? (keys.value ? keptPicture(path) : undefined);
  }

  /** Asks for these, and breaks off whatever else is on its way. */
  ask(paths: Iterable<string>): void {
    const wanted = new Set(paths);
    for (const path of [...this.#sources.keys()]) if (!wanted.has(path)) this.#sources.delete(path);
    for (const [path, control] of this.#coming) if (!wanted.has(path)) this.#forget(path, control);
    for (const path of wanted) {
      if (this.#sources.has(path) || this.#coming.has(path)) continue;
      if (keys.value) void this.#fetch(path);
      else this.#sources.set(path, path);
    }
  }

  async #fetch(path: string): Promise<void> {
    const control = new AbortController();
    this.#coming.set(path, control);
    const kept = keptPicture(path);
    const source = kept ?? (await fetchedPicture(path, control.signal).catch(() => MISSING));
    if (control.signal.aborted) return;
    this.#coming.delete(path);
    this.#sources.set(path, source);
  }

  #forget(path: string, control: AbortController): void {
    control.abort();
    this.#coming.delete(path);
  }
}
