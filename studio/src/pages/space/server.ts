/** What this page asks the server for. */

import { answer, api, asForm, filePart } from "$/api/client";

import type { Wish } from "./wish";

export type Maker = Awaited<ReturnType<typeof makers>>[number];
export type Earlier = Awaited<ReturnType<typeof earlier>>["data"][number];

/** What came of a job that made a model. */
export interface Made {
  model: string;
  geometry: string;
  faces: number;
  vertices: number;
  textured: boolean;
  files: string[];
  notes: string[];
  filename: string;
}

const JOBS_OF_MODELS = "make-model";

/** What makes models, the preferred ones first. */
export function makers() {
  return answer(api.GET("/api/v1/models/available"));
}

/** Sends pictures in; the id of the job that makes models of them. */
export async function upload(files: readonly File[], wish: Wish): Promise<string> {
  const body = { files: files.map(filePart), ...wish };
  return (await answer(api.POST("/api/v1/upload/", { body, bodySerializer: asForm }))).job_id;
}

/** Has a model made of a picture that is kept; the id of the job. */
export async function generate(imageId: string, wish: Wish): Promise<string> {
  const body = { quality: wish.quality, texture_enabled: wish.texture_enabled, file_id: imageId };
  const rest = { model_type: wish.model_type ?? null, face_limit: wish.face_limit ?? null };
  return (await answer(api.POST("/api/v1/models/generate", { body: { ...body, ...rest } }))).job_id;
}

/** What is known of a kept picture or of a file's job. */
export function fileOf(id: string) {
  return answer(api.GET("/api/v1/upload/status/{file_id}", { params: { path: { file_id: id } } }));
}

/** Why a file failed, in a sentence. */
export async function failureOf(id: string): Promise<string> {
  return (await fileOf(id)).error ?? "";
}

export function progressOf(id: string) {
  return answer(api.GET("/api/v1/status/jobs/{job_id}/progress", { params: { path: { job_id: id } } }));
}

export function streamOf(id: string): string {
  return `/api/v1/status/tasks/${encodeURIComponent(id)}/stream`;
}

/** What came of a completed job. */
export async function madeBy(id: string): Promise<Made> {
  const task = await answer(api.GET("/api/v1/status/tasks/{task_id}/status", { params: { path: { task_id: id } } }));
  return task.result as Made;
}

/** Models that were asked for before, of all surfaces, the newest first. */
export function earlier(page: number, size: number) {
  return answer(api.GET("/jobs/", { params: { query: { kind: JOBS_OF_MODELS, page, page_size: size } } }));
}

/** Stops a job that is not over, and deletes it with all that it made. */
export function remove(id: string) {
  return answer(api.DELETE("/jobs/{job_id}", { params: { path: { job_id: id } } }));
}

export function resultPath(id: string, name: string): string {
  return `/api/v1/download/${encodeURIComponent(id)}/${encodeURIComponent(name)}`;
}

/** The address of the model in a format. */
export function modelPath(id: string, format: string): string {
  return `/api/v1/models/download/${encodeURIComponent(id)}?format=${format}`;
}

/** A small picture of a kept picture. */
export function thumbnailPath(imageId: string, side: number): string {
  return `/api/v1/images/download/${encodeURIComponent(imageId)}?size=${side}`;
}
