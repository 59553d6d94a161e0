/** What is shown in the grid: a list or a search as long as it is, of which only the pages in sight are fetched. */

import { SvelteMap } from "svelte/reactivity";

import { asFault, type Fault } from "$/api/fault";

import { PAGE, pageOf, type Page, type Picture, type Wish } from "./pictures";

export class Listing {
  /** How many tiles there are: of a search all that is known of and, while there may be more, places for them. */
  count = $state(0);
  /** Whether ``count`` is exact. */
  complete = $state(false);
  /** Whether the first pictures of what was asked for are on their way. */
  busy = $state(false);
  /** Whether anything was ever shown. */
  ready = $state(false);
  fault = $state.raw<Fault>();

  #wish: Wish = { query: "", objects: [], like: "" };
  #pages = new SvelteMap<number, Picture[]>();
  #loading = new Map<number, AbortController>();
  #visible = { first: 0, last: 0 };

  /** The picture at that place; undefined while it is on its way. */
  at(index: number): Picture | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** The place of a picture among those that were fetched; -1 where it is not among them. */
  indexOf(id: string): number {
    for (const [page, pictures] of this.#pages) {
      const at = pictures.findIndex((picture) => picture.id === id);
      if (at >= 0) return page * PAGE + at;
    }
    return -1;
  }

  /** How many pictures are known to be there. */
  get known(): number {
    if (this.complete) return this.count;
    let known = 0;
    for (const [page, pictures] of this.#pages) known = Math.max(known, page * PAGE + pictures.length);
    return known;
  }

  /** Looks for something else. What is shown stays until there is something in its place. */
  async show(wish: Wish): Promise<void> {
    this.#wish = wish;
    await this.#anew([0]);
  }

  /** Looks again for the same: something was added or removed. */
  async renew(): Promise<void> {
    const { first, last } = this.#visible;
    await this.#anew(pagesOf(first, Math.max(last, first + 1)));
  }

  /** These tiles are in sight: fetches what is missing, and breaks off what was scrolled past before it came. */
  sees(first: number, last: number): void {
    this.#visible = { first, last };
    if (this.busy) return;
    const wanted = pagesOf(first, last);
    for (const [page, control] of this.#loading) {
      if (wanted.includes(page)) continue;
      control.abort();
      this.#loading.delete(page);
    }
    for (const page of wanted) {
      if (!this.#pages.has(page) && !this.#loading.has(page)) void this.#more(page);
    }
  }

  /** Fetches nothing any more. */
  close(): void {
    for (const control of this.#loading.values()) control.abort();
    this.#loading.clear();
  }

  /** Takes these pages in the place of all. */
  async #anew(pages: number[]): Promise<void> {
    this.close();
    this.busy = true;
    const control = new AbortController();
    for (const page of pages) this.#loading.set(page, control);
    try {
      const found = await Promise.all(pages.map((page) => pageOf(this.#wish, page, control.signal)));
      if (control.signal.aborted) return;
      this.#pages.clear();
      this.count = 0;
      this.complete = false;
      pages.forEach((page, at) => this.#take(page, found[at]));
      this.fault = undefined;
      this.ready = true;
    } catch (error) {
      if (control.signal.aborted) return;
      this.fault = asFault(error);
    }
    this.#loading.clear();
    this.busy = false;
    this.sees(Math.min(this.#visible.first, this.count), Math.min(this.#visible.last, this.count));
  }

  async #more(page: number): Promise<void> {
    const control = new AbortController();
    this.#loading.set(page, control);
    try {
      this.#take(page, await pageOf(this.#wish, page, control.signal));
      this.fault = undefined;
    } catch (error) {
      if (!control.signal.aborted) this.fault = asFault(error);
    } finally {
      if (this.#loading.get(page) === control) this.#loading.delete(page);
    }
  }

  #take(page: number, found: Page | undefined): void {
    if (!found) return;
    const { pictures, total } = found;
    this.#pages.set(page, pictures);
    const end = page * PAGE + pictures.length;
    if (total !== undefined) {
      this.count = total;
      this.complete = true;
    } else if (pictures.length < PAGE) {
      this.count = end;
      this.complete = true;
    } else if (!this.complete) {
      // Places for another page: once they come into sight it is fetched.
      this.count = Math.max(this.count, end + PAGE);
    }
  }
}

function pagesOf(first: number, last: number): number[] {
  const pages = [];
  for (let page = Math.floor(first / PAGE); page * PAGE < last; page++) pages.push(page);
  return pages;
}
