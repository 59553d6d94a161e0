/** One job, followed live, with what happened to it so far. */

import { answer, api } from "$/api/client";
import { asFault, type Fault } from "$/api/fault";

import { JobEvents } from "./events";
import { after, hasEnded, type Job, type Told } from "./jobs";

const MOST_EVENTS = 200;

export class JobWatch {
  job = $state.raw<Job>();
  events = $state.raw<readonly Told[]>([]);
  /** What the job returned, once it completed. */
  result = $state.raw<Record<string, unknown>>();
  fault = $state.raw<Fault>();

  #line: JobEvents;
  #closed = false;

  constructor(readonly id: string) {
    this.#line = new JobEvents({ hear: (told) => this.#hear(told), ready: () => void (this.fault && this.load()) });
    this.#line.follow([`task:${id}`], 0);
    void this.load();
  }

  async load(): Promise<void> {
    try {
      const { data } = await answer(api.GET("/jobs/{job_id}", { params: { path: { job_id: this.id } } }));
      if (this.#closed) return;
      this.job = data;
      this.fault = undefined;
      if (data.status === "completed") await this.#fetchResult();
    } catch (error) {
      if (!this.#closed) this.fault = asFault(error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#line.close();
  }

  async #fetchResult(): Promise<void> {
    const path = { task_id: this.id };
    const task = await answer(api.GET("/api/v1/directories/task/{task_id}", { params: { path } }));
    if (!this.#closed && task.result) this.result = task.result as Record<string, unknown>;
  }

  #hear(told: Told): void {
    if (this.events.some(({ seq }) => seq === told.seq)) return;
    const last = this.events.at(-1);
    // Of progress that says the same words, the newest is enough.
    const same = last?.event === "progress" && told.event === "progress" && last.message === told.message;
    this.events = [...(same ? this.events.slice(0, -1) : this.events), told].slice(-MOST_EVENTS);
    // What is told of the past must not take a job back that is known to have ended.
    if (!this.job || hasEnded(this.job)) return;
    this.job = after(this.job, told);
    if (hasEnded(this.job)) void this.load();
  }
}
