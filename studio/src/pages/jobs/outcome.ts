/** What came of a job: where it can be seen, and its figures in words. */

import { href } from "$/router/address";

import type { Job } from "./jobs";

export interface Place {
  address: string;
  words: string;
}

/** Where what the job made can be looked at; undefined where nowhere. */
export function place(job: Job): Place | undefined {
  switch (job.kind) {
    case "segment-everything":
    case "segment-box":
    case "segment-single":
      return job.image_id ? { address: href("segment", [job.image_id]), words: "Open the picture" } : undefined;
    case "make-model":
    case "make-models":
      return { address: href("3d", ["job", job.job_id]), words: "See it in 3D" };
    case "index-directory":
    case "describe-again":
      return { address: href("library"), words: "Open the library" };
    case "pull-model":
      return { address: href("models"), words: "See the models" };
    default:
      return undefined;
  }
}

/** The path of the file that a job made for taking away, and what it is called here. */
export function file(job: Job): { path: string; name: string } | undefined {
  if (job.kind !== "export-logs") return undefined;
  const path = `/api/v1/logs/export/export_${encodeURIComponent(job.job_id)}/download`;
  return { path, name: `logs-${job.job_id}` };
}

const SILENT = new Set(["success", "task_id", "filename", "message"]);

/** What a job returned, as far as it is said in a word or a number. */
export function facts(result: Record<string, unknown>): [string, string][] {
  return Object.entries(result)
    .filter(([name, value]) => !SILENT.has(name) && ["string", "number", "boolean"].includes(typeof value))
    .map(([name, value]) => [spoken(name), said(value)]);
}

/** What a job could not do, each with its reason. */
export function failures(result: Record<string, unknown>): [string, string][] {
  const reasons = result.failure_reasons;
  if (typeof reasons !== "object" || reasons === null) return [];
  return Object.entries(reasons).map(([path, reason]) => [path, String(reason)]);
}

function spoken(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function said(value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  return value.toLocaleString([], { maximumFractionDigits: 2 });
}
