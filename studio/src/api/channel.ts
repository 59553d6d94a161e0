/** A WebSocket of the server that is opened anew as often as it is lost, until it is closed. */

import { keys } from "./key.svelte";

const NO_KEY = 4401;
const LONGEST = 10_000;

export interface Listener {
  /** A message of the server. */
  heard: (message: Record<string, unknown>) => void;
  /** It is open, for the first time or again: what was missed meanwhile has to be asked for. */
  opened?: () => void;
  lost?: () => void;
}

/** Listens to a WebSocket of this server; returns how to stop. */
export function listen(path: string, { heard, opened, lost }: Listener): () => void {
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = 1000;
  let used = "";
  let over = false;

  function open(): void {
    used = keys.value;
    socket = new WebSocket(new URL(path, location.href.replace(/^http/, "ws")));
    socket.onopen = () => {
      // Browsers send no headers with a WebSocket: the key is the first message.
      if (used) socket?.send(JSON.stringify({ type: "auth", api_key: used }));
    };
    socket.onmessage = ({ data }) => {
      const message = read(data);
      if (message?.type === "connection") {
        pause = 1000;
        opened?.();
      } else if (message) heard(message);
    };
    socket.onclose = ({ code }) => {
      if (over) return;
      lost?.();
      void again(code);
    };
  }

  async function again(code: number): Promise<void> {
    // A key that was given meanwhile is tried before anybody is asked for one.
    if (code === NO_KEY && keys.value === used && !(await keys.ask())) return;
    if (over) return;
    timer = setTimeout(open, pause);
    pause = Math.min(pause * 2, LONGEST);
  }

  open();
  return () => {
    over = true;
    clearTimeout(timer);
    socket?.close();
  };
}

function read(data: unknown): Record<string, unknown> | undefined {
  try {
    const message: unknown = JSON.parse(String(data));
    return typeof message === "object" && message !== null ? (message as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
