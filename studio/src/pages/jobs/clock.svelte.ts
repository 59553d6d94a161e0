/** The time as state, for ages and durations that grow while one looks at them. */

export class Clock {
  now = $state(Date.now());

  #timer = setInterval(() => (this.now = Date.now()), 1000);

  stop(): void {
    clearInterval(this.#timer);
  }
}
