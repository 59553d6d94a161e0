/** Jobs in words, and how a job stands after what the server told of it. */

import type { components } from "$/api/schema";
import type { IconName } from "$/components/icons";

export type Job = components["schemas"]["JobLine"];
export type State = "pending" | "running" | "completed" | "failed" | "cancelled";

/** What a WebSocket tells of a job. */
export interface Told {
  task_id: string;
  event: "queued" | "started" | "progress" | "log" | "completed" | "failed" | "cancelled";
  /** 0..100 */
  progress: number;
  message: string;
  kind: string;
  data: Record<string, unknown>;
  seq: number;
  timestamp: string;
}

export const KINDS: Readonly<Record<string, { title: string; icon: IconName }>> = {
  "segment-everything": { title: "Segment everything", icon: "everything" },
  "segment-box": { title: "Segment a box", icon: "box" },
  "segment-single": { title: "Segment a picture", icon: "segment" },
  "segment-batch": { title: "Segment many pictures", icon: "segment" },
  "extract-objects": { title: "Cut objects out", icon: "copy" },
  "index-directory": { title: "Describe a folder", icon: "folder" },
  "describe-again": { title: "Describe pictures anew", icon: "library" },
  "make-model": { title: "Make a 3D model", icon: "cube" },
  "make-models": { title: "Make 3D models", icon: "cube" },
  "export-logs": { title: "Export logs", icon: "download" },
  "pull-model": { title: "Pull a model", icon: "models" },
};

export const WORDS: Readonly<Record<State, string>> = {
  pending: "Waiting",
  running: "Running",
  completed: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** What kind of work it is; a kind that this page has never heard of keeps its own name. */
export function title(kind: string): string {
  return KINDS[kind]?.title ?? kind;
}

/** The state, with what was cancelled told from what failed. */
export function stateOf(job: Job): State {
  if (job.status === "failed" && job.error_code === "CANCELLED") return "cancelled";
  return job.status as State;
}

export function hasEnded(job: Job): boolean {
  return job.status === "completed" || job.status === "failed";
}

/** The job after an event of it. */
export function after(job: Job, told: Told): Job {
  const at = moment(told.timestamp);
  const said = told.message || job.message;
  switch (told.event) {
    case "queued":
      return { ...job, status: "pending", progress: 0, error: null, error_code: null };
    case "started":
      return { ...job, status: "running", started_at: at, updated_at: at, error: null, error_code: null };
    case "progress":
      return {
        ...job,
        status: "running",
        started_at: job.started_at ?? at,
        progress: told.progress / 100,
        message: said,
      };
    case "log":
      return job;
    case "completed":
      return { ...job, status: "completed", progress: 1, updated_at: at };
    case "failed":
      return { ...job, status: "failed", updated_at: at, error: said, error_code: text(told.data.code) || "INTERNAL" };
    case "cancelled":
      return { ...job, status: "failed", updated_at: at, error: "The job was cancelled.", error_code: "CANCELLED" };
  }
}

/** A job that was never asked for, as far as an event tells of it. */
export function heardOf(told: Told): Job {
  const at = moment(told.timestamp);
  const bare: Job = {
    job_id: told.task_id,
    status: "pending",
    model_type: null,
    total_masks: 0,
    created_at: at,
    updated_at: at,
    kind: told.kind,
    filename: "",
    batch_job_id: null,
    image_id: null,
    total_images: 0,
    started_at: null,
    progress: 0,
    message: "",
    error_code: null,
    error: null,
  };
  return after(bare, told);
}

/** Milliseconds that a job worked, until it ended or until ``now``; undefined for one that never started. */
export function worked(job: Job, now: number): number | undefined {
  if (!job.started_at) return undefined;
  const until = hasEnded(job) ? Date.parse(job.updated_at) : now;
  return Math.max(0, until - Date.parse(job.started_at));
}

/** "0.4 s", "12 s", "3 min 5 s", "2 h 10 min". */
export function span(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} days`;
}

/** "just now", "40 s ago", "5 min ago". */
export function ago(time: string, now: number): string {
  const past = now - Date.parse(time);
  if (past < 10_000) return "just now";
  return `${span(past < 60_000 ? past : past - (past % 60_000))} ago`;
}

/** The page that an address names; the first one where it names none. */
export function pageOf(query: URLSearchParams): number {
  return Math.min(Math.max(1, Math.floor(Number(query.get("page"))) || 1), 1_000_000);
}

/** A time of a socket: UTC without a zone. */
function moment(timestamp: string): string {
  return /Z|[+-]\d\d:\d\d$/.test(timestamp) ? timestamp : `${timestamp}Z`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
