/** A job that is watched: asked for once, then told of by the server as it happens, also after the line was cut. */

import { connection } from "$/api/connection.svelte";
import { asFault, Fault } from "$/api/fault";

import { failureOf, progressOf, streamOf } from "./server";
import { after, hasEnded, isLast, read, standingOf, type Standing } from "./standing";

const AGAIN_MS = 3_000;

export class JobWatch {
  standing = $state.raw<Standing>();
  fault = $state.raw<Fault>();
  /** Whether the stream was cut off and is looked for again. */
  cut = $state(false);
  /** Why files failed, by their ids. */
  reasons = $state.raw<Readonly<Record<string, string>>>({});

  #stream: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(readonly id: string) {}

  get ended(): boolean {
    return this.standing?.files.every(hasEnded) ?? false;
  }

  /** Asks how the job stands and follows it from there, if it has not ended. */
  async look(): Promise<void> {
    this.rest();
    try {
      const told = await progressOf(this.id);
      if (this.#closed) return;
      this.fault = undefined;
      this.#take(standingOf(told));
      if (!this.ended) this.#listen();
      else this.cut = false;
    } catch (error) {
      if (this.#closed) return;
      const fault = asFault(error);
      // What is shown already stays; the page says that it may be old.
      if (this.standing && fault.status !== 404) this.cut = true;
      else this.fault = fault;
      if (fault.status === 0 || fault.status >= 429) this.#later((fault.retryAfter ?? 0) * 1000);
    }
  }

  close(): void {
    this.#closed = true;
    this.rest();
  }

  /** Hears nothing more until it is to look again. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#stream?.close();
    this.#stream = undefined;
  }

  #listen(): void {
    const stream = new EventSource(streamOf(this.id));
    this.#stream = stream;
    stream.onopen = () => (this.cut = false);
    stream.onmessage = ({ data }: MessageEvent<string>) => {
      const told = read(data);
      if (!told || !this.standing) return;
      this.cut = false;
      this.#take(after(this.standing, told));
      if (isLast(told)) this.rest();
    };
    stream.onerror = () => {
      this.cut = true;
      void connection.probe();
      // A browser comes back by itself while the line is bad, but not when it was refused.
      if (stream.readyState === EventSource.CLOSED) this.#later();
    };
  }

  #take(standing: Standing): void {
    this.standing = standing;
    if (standing.deleted)
      this.fault = new Fault({ message: "This job was deleted.", advice: "Make the model again.", status: 404 });
    for (const { id, status } of standing.files) if (status === "failed" && !(id in this.reasons)) void this.#ask(id);
  }

  async #ask(id: string): Promise<void> {
    this.reasons = { ...this.reasons, [id]: "" };
    try {
      this.reasons = { ...this.reasons, [id]: await failureOf(id) };
    } catch {
      // That it failed is shown; why, the next look may bring.
      const { [id]: _, ...others } = this.reasons;
      this.reasons = others;
    }
  }

  #later(pause = 0): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.look(), Math.max(pause, AGAIN_MS));
  }
}
