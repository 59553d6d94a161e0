/** Folders that are being indexed: handed in here or elsewhere, and how far each is, live. */

import { listen } from "$/api/channel";
import { answer, api } from "$/api/client";
import type { paths } from "$/api/schema";

type Told = paths["/api/v1/directories/task/{task_id}"]["get"]["responses"]["200"]["content"]["application/json"];

/** What became of a folder's pictures. */
export interface Outcome {
  total: number;
  processed: number;
  skipped: number;
  failed: number;
  /** Why files failed, by path; of the first hundred. */
  reasons: [string, string][];
}

export interface Task {
  id: string;
  /** Empty for one that was handed in elsewhere, and for one that describes known pictures anew. */
  folder: string;
  status: "queued" | "processing" | "completed" | "failed";
  /** 0 to 1. */
  progress: number;
  message: string;
  outcome: Outcome | undefined;
}

/** Where the socket is away, tasks are asked about this often. */
const WITHOUT_SOCKET = 3000;

class Indexing {
  tasks = $state<Task[]>([]);
  /** Grows whenever there are new pictures. */
  news = $state(0);

  #users = 0;
  #stop: (() => void) | undefined;
  #live = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Begins to listen; the last one who leaves ends it. */
  join(): () => void {
    if (this.#users++ === 0) {
      this.#stop = listen("/ws/processing", {
        heard: (message) => this.#hear(message),
        opened: () => {
          this.#live = true;
          void this.#look();
        },
        lost: () => (this.#live = false),
      });
      this.#timer = setInterval(() => void (this.#live || this.#ask()), WITHOUT_SOCKET);
    }
    return () => {
      if (--this.#users > 0) return;
      this.#stop?.();
      clearInterval(this.#timer);
      this.#live = false;
    };
  }

  get running(): boolean {
    return this.tasks.some(isRunning);
  }

  /** Has a folder indexed. */
  async submit(folder: string, recursive: boolean, force: boolean): Promise<void> {
    const body = { directory_path: folder, recursive, force_reprocess: force };
    const { task_id } = await answer(api.POST("/api/v1/directories/process-async", { body }));
    const known = this.tasks.find((task) => task.id === task_id);
    if (known) known.folder = folder;
    else this.tasks.push({ ...waiting(task_id), folder });
    // It may be over before anything of it was heard.
    await this.#ask();
  }

  /** Breaks off a task; what was described so far stays. */
  async stop(id: string): Promise<void> {
    await answer(api.DELETE("/jobs/{job_id}", { params: { path: { job_id: id } } }));
    this.dismiss(id);
    this.news += 1;
  }

  dismiss(id: string): void {
    this.tasks = this.tasks.filter((task) => task.id !== id);
  }

  /** Finds tasks that run already, also after a reload. */
  async #look(): Promise<void> {
    try {
      const told = await answer(api.GET("/api/v1/directories/tasks", { params: { query: { limit: 20 } } }));
      for (const task of told) {
        const known = this.tasks.some(({ id }) => id === task.task_id);
        if (!known && (task.status === "queued" || task.status === "processing"))
          this.tasks.push(waiting(task.task_id));
      }
      await this.#ask();
    } catch {
      // The socket is open, so the server is there; what is running will be heard of.
    }
  }

  async #ask(): Promise<void> {
    for (const { id } of this.tasks.filter(isRunning)) {
      try {
        const asked = { params: { path: { task_id: id } } };
        this.#told(await answer(api.GET("/api/v1/directories/task/{task_id}", asked)));
      } catch {
        // Asked again in a while.
      }
    }
  }

  #told(told: Told): void {
    const task = this.tasks.find(({ id }) => id === told.task_id);
    if (!task || !isRunning(task)) return;
    task.status = told.status;
    task.progress = told.progress / 100;
    task.message = told.error ?? told.message;
    if (told.status === "completed") task.outcome = outcomeOf(told.result);
    if (task.folder || !isRunning(task)) this.news += 1;
  }

  #hear(message: Record<string, unknown>): void {
    if (message.type !== "processing_update") return;
    const id = String(message.task_id);
    let task = this.tasks.find((one) => one.id === id);
    if (!task) {
      if (message.event !== "queued" && message.event !== "started" && message.event !== "progress") return;
      this.tasks.push(waiting(id));
      task = this.tasks[this.tasks.length - 1];
    }
    if (!task || !isRunning(task)) return;
    if (message.event === "progress") {
      task.status = "processing";
      task.progress = Math.max(task.progress, Number(message.progress) / 100);
      task.message = String(message.message);
      if (message.kind === "index-directory") this.news += 1;
    } else if (message.event === "started") task.status = "processing";
    // Of what became of it the message says little.
    else if (message.event === "completed" || message.event === "failed") void this.#ask();
    else if (message.event === "cancelled") this.dismiss(id);
  }
}

export const indexing = new Indexing();

export function isRunning(task: Task): boolean {
  return task.status === "queued" || task.status === "processing";
}

function waiting(id: string): Task {
  return { id, folder: "", status: "queued", progress: 0, message: "", outcome: undefined };
}

function outcomeOf(result: unknown): Outcome | undefined {
  if (typeof result !== "object" || result === null || !("total_files" in result)) return undefined;
  const told = result as Record<string, unknown>;
  return {
    total: Number(told.total_files),
    processed: Number(told.processed),
    skipped: Number(told.skipped),
    failed: Number(told.failed),
    reasons: Object.entries((told.failure_reasons ?? {}) as Record<string, string>),
  };
}
