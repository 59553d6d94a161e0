/** Whether the server answers: noticed from the requests that are made anyway and, when one fails, asked until it is back. */

const PROBE = "/health/live";
const WHILE_WELL = 15_000;
const WHILE_LOST = 1_500;
const PATIENCE = 5_000;

class Connection {
  /** Whether the server answered when it was last asked. */
  online = $state(true);

  #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins to watch; the page's own hiding and the browser's word about the network count too. */
  start(): void {
    window.addEventListener("offline", () => this.lost());
    window.addEventListener("online", () => void this.probe());
    document.addEventListener("visibilitychange", () => void (document.hidden || this.probe()));
    this.#later();
  }

  /** Runs ``listener`` each time the server is back; returns how to stop that. For pages that show what may have changed. */
  onReturn(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A request had no reply. */
  lost(): void {
    if (!this.online) return;
    this.online = false;
    this.#later();
  }

  /** A request had a reply. */
  seen(): void {
    if (this.online) return;
    this.online = true;
    this.#later();
    for (const listener of this.#listeners) listener();
  }

  /** Asks now. */
  async probe(): Promise<void> {
    try {
      await fetch(PROBE, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      this.seen();
    } catch {
      this.lost();
    }
    this.#later();
  }

  #later(): void {
    clearTimeout(this.#timer);
    // A page that nobody looks at asks nothing; it asks when it is looked at again.
    if (!document.hidden) this.#timer = setTimeout(() => void this.probe(), this.online ? WHILE_WELL : WHILE_LOST);
  }
}

export const connection = new Connection();
