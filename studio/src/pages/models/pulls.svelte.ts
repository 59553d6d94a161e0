/**
 * Weights on their way to the server, each a job that is followed as a stream of events.
 *
 * Which jobs they are is kept for the tab, so that a page that is loaded anew goes on watching.
 */

import { answer, api } from "$/api/client";
import { asFault, Fault } from "$/api/fault";

export interface Pull {
  job: string;
  /** 0 to 1; undefined before the first word of it. */
  progress: number | undefined;
  message: string;
}

const KEPT = "quarry.pulls";

export class Pulls {
  /** By the model's name. */
  running: Record<string, Pull> = $state({});

  #streams = new Map<string, EventSource>();
  #ended: (model: string, fault: Fault | undefined) => void;

  /** ``ended`` hears of each pull that is over, with what went wrong where something did. */
  constructor(ended: (model: string, fault: Fault | undefined) => void) {
    this.#ended = ended;
  }

  /** Goes on watching what was begun before the page was loaded. */
  resume(): void {
    for (const [model, job] of Object.entries(kept())) this.#follow(model, job);
  }

  /** Has the server pull a model's weights. Throws ``Fault``. */
  async begin(model: string): Promise<void> {
    const asked = api.POST("/api/v1/admin/models/{model_name}/pull", { params: { path: { model_name: model } } });
    this.#follow(model, (await answer(asked)).job_id);
  }

  /** Calls it off; what arrived is kept for the next try. Throws ``Fault``. */
  async stop(model: string): Promise<void> {
    const pull = this.running[model];
    if (!pull) return;
    await answer(api.DELETE("/jobs/{job_id}", { params: { path: { job_id: pull.job } } }));
    this.#over(model);
  }

  /** Watches no more; the server goes on. */
  close(): void {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  #follow(model: string, job: string): void {
    this.#streams.get(model)?.close();
    this.running[model] = { job, progress: undefined, message: "" };
    keep(this.running);
    const stream = new EventSource(`/api/v1/status/tasks/${encodeURIComponent(job)}/stream`);
    this.#streams.set(model, stream);
    stream.onmessage = ({ data }) => this.#hear(model, JSON.parse(data) as Told);
    stream.onerror = () => {
      // The browser connects again by itself, unless there is nothing to hear (any more), or the page is being left.
      if (stream.readyState === EventSource.CLOSED) void this.#look(model, job);
    };
  }

  /** Asks how a pull stands whose stream is closed; only what the server says ends it. */
  async #look(model: string, job: string): Promise<void> {
    try {
      const path = { params: { path: { task_id: job } } };
      const told = await answer(api.GET("/api/v1/status/tasks/{task_id}/status", path));
      if (told.status === "completed") return this.#over(model);
      if (told.status === "failed") return this.#hear(model, { type: "error", error: told.error ?? undefined });
    } catch (error) {
      if (asFault(error).status === 404) return this.#over(model);
    }
    setTimeout(() => this.running[model]?.job === job && this.#follow(model, job), 2000);
  }

  #hear(model: string, told: Told): void {
    const pull = this.running[model];
    if (!pull) return;
    if (told.type === "completed") this.#over(model);
    else if (told.type === "error")
      this.#over(model, new Fault({ message: `${model}: ${told.error ?? "the weights could not be pulled."}` }));
    else if (told.type === "progress") {
      pull.progress = (told.progress ?? 0) / 100;
      pull.message = told.message ?? pull.message;
    }
  }

  #over(model: string, fault?: Fault): void {
    this.#streams.get(model)?.close();
    this.#streams.delete(model);
    delete this.running[model];
    keep(this.running);
    this.#ended(model, fault);
  }
}

interface Told {
  type: string;
  progress?: number;
  message?: string;
  error?: string | undefined;
}

function keep(running: Record<string, Pull>): void {
  const jobs = Object.fromEntries(Object.entries(running).map(([model, pull]) => [model, pull.job]));
  sessionStorage.setItem(KEPT, JSON.stringify(jobs));
}

function kept(): Record<string, string> {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") as Record<string, string>;
  } catch {
    return {};
  }
}
