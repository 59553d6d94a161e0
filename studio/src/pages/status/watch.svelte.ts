/** How the server is, asked every few seconds while somebody looks. Neither question counts against a limit. */

import { bytesOf } from "$/api/client";
import { connection } from "$/api/connection.svelte";
import { asFault, Fault, faultOf, unreachable } from "$/api/fault";
import type { components } from "$/api/schema";

import { parse, scrapeOf, type Scrape } from "./exposition";
import { pointOf, type Point } from "./figures";

export type Health = components["schemas"]["DetailedHealth"];

const EVERY_MS = 4_000;
/** Some eight minutes. */
const MOST_POINTS = 120;

export class ServerWatch {
  health = $state.raw<Health>();
  points = $state.raw<readonly Point[]>([]);
  scrape = $state.raw<Scrape>();
  fault = $state.raw<Fault>();
  /** Why there are no figures where the rest is known: a key that does not open them. */
  closed = $state.raw<Fault>();

  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  #looking = false;
  #seen = (): void => {
    if (!document.hidden) void this.look();
  };

  constructor() {
    document.addEventListener("visibilitychange", this.#seen);
    void this.look();
  }

  async look(): Promise<void> {
    if (this.#looking || this.#over) return;
    this.#looking = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#askHealth(), this.closed ? undefined : this.#askMetrics()]);
    this.#looking = false;
    if (!this.#over && !document.hidden) this.#timer = setTimeout(() => void this.look(), EVERY_MS);
  }

  /** Asks for the figures again, after another key was given. */
  reopen(): void {
    this.closed = undefined;
    void this.look();
  }

  stop(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#seen);
  }

  async #askHealth(): Promise<void> {
    try {
      this.health = await healthNow();
      this.fault = undefined;
    } catch (error) {
      this.fault = asFault(error);
    }
  }

  async #askMetrics(): Promise<void> {
    try {
      const text = await (await bytesOf("/api/v1/health/metrics")).text();
      const now = scrapeOf(parse(text), Date.now());
      this.points = [...this.points, pointOf(now, this.scrape)].slice(-MOST_POINTS);
      this.scrape = now;
    } catch (error) {
      const fault = asFault(error);
      // That the server is away the other question tells already.
      if (fault.wantsKey) this.closed = fault;
    }
  }
}

/** The server's own word; one that is not well answers 503 and still says how it is. */
async function healthNow(): Promise<Health> {
  let response: Response;
  try {
    response = await fetch("/api/v1/health/detailed", { cache: "no-store" });
  } catch {
    connection.lost();
    throw unreachable();
  }
  connection.seen();
  if (response.status !== 200 && response.status !== 503) throw await faultOf(response);
  const told = (await response.json()) as Partial<Health>;
  if (!Array.isArray(told.components))
    throw new Fault({ message: "The server did not say how it is.", status: response.status });
  return told as Health;
}
