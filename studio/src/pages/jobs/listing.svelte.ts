/** A page of the list of jobs: asked for seldom, since the server counts that, and followed live in between. */

import { answer, api } from "$/api/client";
import { asFault, type Fault } from "$/api/fault";

import { JobEvents } from "./events";
import { after, hasEnded, heardOf, type Job, type Told } from "./jobs";

const PAGE_SIZE = 20;
const SOON_MS = 500;
const SELDOM_MS = 10_000;
const WITHOUT_LINE_MS = 1_500;

export interface Filter {
  page: number;
  status: string;
  kind: string;
  /** The jobs of this batch only; empty for all. */
  batch: string;
}

export class Listing {
  jobs = $state.raw<readonly Job[]>([]);
  total = $state(0);
  pages = $state(0);
  /** Whether the first answer is still awaited. */
  loading = $state(true);
  fault = $state.raw<Fault>();

  #filter: Filter;
  #events: JobEvents;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;
  #question = 0;
  /** What was told while an answer was awaited, by the job's id: the answer may be older. */
  #meanwhile = new Map<string, Told>();

  constructor(filter: Filter) {
    this.#filter = filter;
    this.#events = new JobEvents({ hear: (told) => this.#hear(told), ready: () => void this.load() });
    this.#follow();
    // The list is asked for once the line stands, so that nothing falls between the two; without a line all the same.
    this.#later(WITHOUT_LINE_MS);
  }

  async load(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const question = ++this.#question;
    this.#asked = Date.now();
    this.#meanwhile.clear();
    const { page, status, kind, batch } = this.#filter;
    const query = {
      page,
      page_size: PAGE_SIZE,
      ...(status && { status: status as "pending" }),
      ...(kind && { kind }),
      ...(batch && { batch_job_id: batch }),
    };
    try {
      const found = await answer(api.GET("/jobs/", { params: { query } }));
      if (question !== this.#question) return;
      this.jobs = found.data.map((job) => {
        const told = this.#meanwhile.get(job.job_id);
        return told ? after(job, told) : job;
      });
      this.total = found.total;
      this.pages = found.total_pages;
      this.fault = undefined;
      this.#follow();
    } catch (error) {
      if (question !== this.#question) return;
      this.fault = asFault(error);
      if (this.fault.retryAfter) this.#later(this.fault.retryAfter * 1000);
    } finally {
      if (question === this.#question) this.loading = false;
    }
  }

  /** Takes a job out that was deleted. */
  drop(id: string): void {
    this.jobs = this.jobs.filter((job) => job.job_id !== id);
    this.#later();
  }

  close(): void {
    this.#question++;
    clearTimeout(this.#timer);
    this.#events.close();
  }

  #follow(): void {
    // The jobs of batches are told of each for itself only.
    const children = this.jobs.filter((job) => job.batch_job_id && !hasEnded(job));
    const each = children.map((job) => `task:${job.job_id}`);
    this.#events.follow(this.#filter.batch ? each : ["jobs", ...each]);
  }

  #hear(told: Told): void {
    this.#meanwhile.set(told.task_id, told);
    const known = this.jobs.some((job) => job.job_id === told.task_id);
    if (known) this.jobs = this.jobs.map((job) => (job.job_id === told.task_id ? after(job, told) : job));
    else if (told.event === "queued" && this.#takes(told)) {
      this.jobs = [heardOf(told), ...this.jobs].slice(0, PAGE_SIZE);
      this.total++;
    }
    // The list knows more of it: the picture's name, its masks.
    if (!known || ["completed", "failed", "cancelled"].includes(told.event)) this.#later();
  }

  #takes(told: Told): boolean {
    const { page, status, kind, batch } = this.#filter;
    return page === 1 && !batch && (!status || status === "pending") && (!kind || kind === told.kind);
  }

  #later(pause = Math.max(SOON_MS, this.#asked + SELDOM_MS - Date.now())): void {
    this.#timer ??= setTimeout(() => void this.load(), pause);
  }
}
