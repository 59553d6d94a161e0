/** What happens to jobs, told by the server's WebSocket as it happens; a lost line is looked for until it is back. */

import { connection } from "$/api/connection.svelte";
import { keys } from "$/api/key.svelte";

import type { Told } from "./jobs";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;

interface Ears {
  hear: (told: Told) => void;
  /** The line stands, for the first time or again: what happened before may be unknown. */
  ready?: () => void;
}

export class JobEvents {
  #ears: Ears;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = FIRST_PAUSE_MS;
  #closed = false;
  #leave: () => void;
  /** The channels, each with the last event's number that is known of it where its past is wanted. */
  #wanted = new Map<string, number | undefined>();

  constructor(ears: Ears) {
    this.#ears = ears;
    this.#leave = connection.onReturn(() => this.#connect());
    this.#connect();
  }

  /** Hears of these channels and of no others; ``since`` 0 tells the past of each, too. */
  follow(channels: readonly string[], since?: number): void {
    for (const channel of this.#wanted.keys())
      if (!channels.includes(channel)) {
        this.#wanted.delete(channel);
        this.#say({ type: "unsubscribe", channel });
      }
    for (const channel of channels)
      if (!this.#wanted.has(channel)) {
        this.#wanted.set(channel, since);
        this.#subscribe(channel);
      }
  }

  close(): void {
    this.#closed = true;
    this.#leave();
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect(): void {
    clearTimeout(this.#timer);
    if (this.#closed || (this.#socket && this.#socket.readyState <= WebSocket.OPEN)) return;
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`);
    this.#socket = socket;
    socket.onopen = () => {
      if (keys.value) this.#say({ type: "auth", api_key: keys.value });
      for (const channel of this.#wanted.keys()) this.#subscribe(channel);
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => this.#hear(JSON.parse(data) as { type: string });
    socket.onclose = () => this.#later();
  }

  #hear(message: { type: string }): void {
    if (message.type === "connection") {
      this.#pause = FIRST_PAUSE_MS;
      this.#ears.ready?.();
    }
    if (message.type !== "processing_update") return;
    const told = message as unknown as Told & { channel: string };
    if (this.#wanted.get(told.channel) !== undefined) this.#wanted.set(told.channel, told.seq);
    this.#ears.hear(told);
  }

  #subscribe(channel: string): void {
    const since = this.#wanted.get(channel);
    this.#say(since === undefined ? { type: "subscribe", channel } : { type: "subscribe", channel, since });
  }

  #say(message: Record<string, unknown>): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #later(): void {
    if (this.#closed) return;
    // Where the server is away the connection's own watch tells when it is back.
    if (!connection.online) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
  }
}
