/** The Segment page's state: a picture, what was found in it, what is selected, and everything one can do with that. */

import { asFault, Fault } from "$/api/fault";
import { toasts } from "$/shell/toasts.svelte";

import { byArea, deeper, lowest, masksAt, OPEN, passing, type Reach, type Thresholds } from "./everything";
import { History } from "./history";
import { Mask, type Box } from "./mask";
import { Picture } from "./picture";
import { keeping, NOTHING, offered, read, shown, withMasks, written, type Kept, type Selection } from "./selection";
import * as server from "./server";
import type { Candidate, FoundMask, Point } from "./server";

interface Open {
  id: string;
  name: string;
  picture: Picture;
}

/** Milliseconds that a threshold stays where it is before the server is asked. */
const RESTED = 350;

export class Workbench {
  open: Open | undefined = $state.raw();
  /** What is being waited for; a picture that is sent or fetched hides the one before. */
  loading = $state("");
  fault: Fault | undefined = $state.raw();

  /** Everything that was found, the smallest first. */
  found: FoundMask[] = $state.raw([]);
  searching = $state(false);
  /** Whether the server looks further down than before, while what was found stays there. */
  deepening = $state(false);
  searchFault: Fault | undefined = $state.raw();
  model = $state("");
  thresholds: Thresholds = $state.raw(OPEN);
  /** Whether everything is shown at once. */
  everything = $state(false);

  selection: Selection = $state.raw(NOTHING);
  /** Whether candidates are being asked for. */
  asking = $state(false);
  canUndo = $state(false);
  canRedo = $state(false);

  /** What counts of everything. */
  passing = $derived(passing(this.found, this.thresholds));
  shown = $derived(shown(this.selection.draft));

  #history = new History<Selection>();
  #visit = new AbortController();
  #question = new AbortController();
  #deeper = new AbortController();
  #reached: Reach = $state.raw({});
  /** The thresholds that let pass all that was found. */
  #lowest = $state.raw(OPEN);

  /** Takes a new picture in; its id, or undefined where that failed. */
  async take(file: File): Promise<string | undefined> {
    const signal = this.#begin("Sending the picture …");
    try {
      const id = await server.upload(file);
      if (signal.aborted) return undefined;
      await this.#show(id, file, signal);
      return id;
    } catch (error) {
      this.#failed(error, signal);
      return undefined;
    }
  }

  /** Opens a picture that the server has. */
  async visit(id: string): Promise<void> {
    const signal = this.#begin("Fetching the picture …");
    try {
      await this.#show(id, await server.pictureOf(id, signal), signal);
    } catch (error) {
      this.#failed(error, signal);
    }
  }

  /** Puts the picture aside. */
  close(): void {
    this.#begin("");
  }

  /** The masks under a pixel that count, the smallest first. */
  at(x: number, y: number): FoundMask[] {
    return masksAt(this.passing, x, y);
  }

  /** Selects what a pixel means, beginning with the mask that was seen there. */
  async select(point: Omit<Point, "inside">, seen: Candidate | undefined): Promise<void> {
    await this.#ask([{ ...point, inside: true }], undefined, seen);
  }

  /** One more pixel that belongs to the selection, or does not. */
  async refine(point: Point): Promise<void> {
    const draft = this.selection.draft;
    if (!draft && !point.inside) return toasts.tell("Select something first, then exclude parts of it.");
    await this.#ask([...(draft?.points ?? []), point], draft?.box, undefined);
  }

  async frame(box: Box): Promise<void> {
    await this.#ask([], box, undefined);
  }

  choose(chosen: number): void {
    const draft = this.selection.draft;
    if (draft && chosen < draft.candidates.length && chosen !== draft.chosen) {
      this.#commit({ ...this.selection, draft: { ...draft, chosen } });
    }
  }

  /** Puts the draft among the kept masks. */
  keep(): void {
    if (this.shown) this.#commit(keeping(this.selection));
  }

  /** Keeps all that counts of everything. */
  keepEverything(): void {
    this.#commit({ draft: undefined, kept: withMasks(this.selection.kept, this.passing) });
    this.everything = false;
  }

  /** Lets go of what is being selected. */
  clear(): void {
    this.#question.abort();
    this.asking = false;
    if (this.selection.draft) this.#commit({ ...this.selection, draft: undefined });
  }

  change(key: number, change: Partial<Pick<Kept, "colour" | "opacity" | "visible">>): void {
    const kept = this.selection.kept.map((mask) => (mask.key === key ? { ...mask, ...change } : mask));
    this.#commit({ ...this.selection, kept });
  }

  remove(key: number): void {
    this.#commit({ ...this.selection, kept: this.selection.kept.filter((mask) => mask.key !== key) });
  }

  removeAll(): void {
    this.#commit(NOTHING);
  }

  undo(): void {
    this.#go(this.#history.undo(this.selection));
  }

  redo(): void {
    this.#go(this.#history.redo(this.selection));
  }

  /** The masks to be saved: those kept and visible, and what is being selected. */
  get wanted(): readonly Kept[] {
    return keeping(this.selection).kept.filter((mask) => mask.visible);
  }

  /** Searches for everything, where nobody has yet. */
  async search(): Promise<void> {
    const open = this.open;
    const { signal } = this.#visit;
    if (!open) return;
    this.searching = true;
    this.searchFault = undefined;
    try {
      let found = await server.foundIn(open.id, signal);
      if (!found.masks.length) {
        await server.findEverything(open.id, {}, signal);
        found = await server.foundIn(open.id, signal);
      }
      this.#take(found);
      this.thresholds = this.#lowest;
    } catch (error) {
      if (!signal.aborted) this.searchFault = asFault(error);
    } finally {
      if (!signal.aborted) this.searching = false;
    }
  }

  /** Whether lower thresholds could let more pass. */
  get couldLookDeeper(): boolean {
    return deeper(this.#reached, OPEN, this.#lowest) !== undefined;
  }

  /** Other thresholds: at once for what was found; where they are lower than those of the search, that goes on. */
  filter(change: Partial<Thresholds>): void {
    this.thresholds = { ...this.thresholds, ...change };
    this.#deeper.abort();
    this.deepening = false;
    const reach = deeper(this.#reached, this.thresholds, this.#lowest);
    if (!reach || !this.open) return;
    this.deepening = true;
    this.#deeper = new AbortController();
    void this.#lookDeeper(this.open.id, reach, this.#deeper.signal);
  }

  async #lookDeeper(id: string, reach: Reach, signal: AbortSignal): Promise<void> {
    // A slider that is being moved asks for its last place only.
    await new Promise((rested) => setTimeout(rested, RESTED));
    if (signal.aborted) return;
    try {
      await server.findEverything(id, reach, signal);
      this.#take(await server.foundIn(id, signal));
      this.#reached = reach;
    } catch (error) {
      if (!signal.aborted) toasts.tellFault(error);
    } finally {
      if (!signal.aborted) this.deepening = false;
    }
  }

  #take(found: server.Found): void {
    this.found = byArea(found.masks);
    this.model ||= found.model;
    this.#lowest = lowest(this.found);
  }

  #begin(loading: string): AbortSignal {
    this.#visit.abort();
    this.#question.abort();
    this.#deeper.abort();
    this.#visit = new AbortController();
    this.open?.picture.close();
    Object.assign(this, {
      open: undefined,
      loading,
      fault: undefined,
      found: [],
      searching: false,
      deepening: false,
      searchFault: undefined,
    });
    Object.assign(this, { model: "", thresholds: OPEN, everything: false, asking: false, selection: NOTHING });
    this.#reached = {};
    this.#history.clear();
    this.#told();
    return this.#visit.signal;
  }

  async #show(id: string, file: File, signal: AbortSignal): Promise<void> {
    const picture = await this.#decoded(id, file, signal);
    if (signal.aborted) return picture.close();
    this.open = { id, name: file.name, picture };
    this.loading = "";
    this.selection = read(remembered(id), picture.width, picture.height);
    void this.search();
  }

  async #decoded(id: string, file: Blob, signal: AbortSignal): Promise<Picture> {
    try {
      return await Picture.of(file);
    } catch {
      // A format that the server reads and this browser does not, such as TIFF: the server paints all of it.
      const { width, height } = await server.foundIn(id, signal);
      return Picture.of(await server.cutOut(id, Mask.whole(width, height), 0, signal));
    }
  }

  #failed(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.loading = "";
    this.fault = asFault(error);
  }

  async #ask(points: readonly Point[], box: Box | undefined, seen: Candidate | undefined): Promise<void> {
    const id = this.open?.id;
    if (!id) return;
    this.#question.abort();
    const { signal } = (this.#question = new AbortController());
    const before = this.selection;
    const draft = before.draft;
    // What was seen is there at once; what is refined stays until something better comes.
    const meanwhile = seen
      ? { candidates: [seen], chosen: 0 }
      : { candidates: draft?.candidates ?? [], chosen: draft?.chosen ?? 0 };
    this.#commit({
      ...before,
      draft: { points, box, ...(points.length > 1 || seen ? meanwhile : { candidates: [], chosen: 0 }) },
    });
    this.asking = true;
    try {
      const { candidates, model } = await server.prompted(id, points, box, signal);
      if (signal.aborted) return;
      this.model = model || this.model;
      // The same step as the click: undoing takes both back.
      this.#go({ ...this.selection, draft: { points, box, ...offered(candidates, seen) } });
      if (!candidates.length && !seen) toasts.tell("Nothing was found there.");
    } catch (error) {
      if (signal.aborted) return;
      if (!seen) this.#go(before);
      toasts.tellFault(error);
    } finally {
      if (!signal.aborted) this.asking = false;
    }
  }

  #commit(next: Selection): void {
    this.#history.push(this.selection);
    this.#go(next);
  }

  #go(next: Selection | undefined): void {
    if (!next) return;
    this.selection = next;
    this.#told();
    if (this.open) remember(this.open.id, next);
  }

  #told(): void {
    this.canUndo = this.#history.canUndo;
    this.canRedo = this.#history.canRedo;
  }
}

const PREFIX = "image-quarry-selection ";

function remembered(id: string): string | null {
  try {
    return sessionStorage.getItem(PREFIX + id);
  } catch {
    return null;
  }
}

function remember(id: string, selection: Selection): void {
  try {
    sessionStorage.setItem(PREFIX + id, written(selection));
  } catch {
    // More than the browser holds, or it holds nothing: then a reload forgets what was selected, not the picture.
  }
}
