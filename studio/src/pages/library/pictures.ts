/** The pictures of the library and what the server knows of them. */

import { answer, api, reply } from "$/api/client";
import type { paths } from "$/api/schema";

type Told = paths["/api/v1/images/"]["get"]["responses"]["200"]["content"]["application/json"][number];

/** A picture as lists show it: ``size`` is width and height; one that was searched for says how near it is, 0 to 1. */
export interface Picture extends Omit<Told, "size"> {
  size: number[];
  score?: number;
}

type ToldInDetail = paths["/api/v1/images/info/{image_id}"]["get"]["responses"]["200"]["content"]["application/json"];

/** All that is known of a picture. */
export interface Detail extends Omit<ToldInDetail, "size"> {
  size: number[];
}

/** What is looked for; with nothing it is the list of all pictures. */
export interface Wish {
  query: string;
  objects: readonly string[];
  like: string;
}

/** A page of what was found. ``total`` is known for lists only; a search has ended when a page is not full. */
export interface Page {
  pictures: Picture[];
  total: number | undefined;
}

export interface ObjectCount {
  name: string;
  count: number;
}

/** As many as come with one request. */
export const PAGE = 100;

export async function pageOf(wish: Wish, page: number, signal: AbortSignal): Promise<Page> {
  const query = {
    limit: PAGE,
    offset: page * PAGE,
    ...(wish.query && { query: wish.query }),
    ...(wish.like && { similar_to: wish.like }),
    ...(wish.objects.length && { objects: wish.objects.join(",") }),
  };
  const { data, headers } = await reply(api.GET("/api/v1/images/", { params: { query }, signal }));
  const total = headers.get("X-Total-Count");
  return { pictures: data, total: total === null ? undefined : Number(total) };
}

export function detailOf(image_id: string, signal?: AbortSignal): Promise<Detail> {
  const asked = { params: { path: { image_id } }, ...(signal && { signal }) };
  return answer(api.GET("/api/v1/images/info/{image_id}", asked));
}

/** Forgets a picture; whether its file was deleted too. */
export async function remove(image_id: string, delete_file: boolean): Promise<boolean> {
  const asked = { params: { path: { image_id }, query: { delete_file } } };
  return (await answer(api.DELETE("/api/v1/images/{image_id}", asked))).file_deleted;
}

/** Asks the models about a picture, again where they were asked before. */
export async function describe(image_id: string): Promise<void> {
  await answer(api.POST("/api/v1/images/process", { body: { image_id, force_reprocess: true } }));
}

/** The commonest objects. Names with a comma are left out: the server takes several names separated by commas. */
export async function objectCounts(): Promise<ObjectCount[]> {
  const { top_objects } = await answer(api.GET("/api/v1/metrics"));
  return Object.entries((top_objects ?? {}) as Record<string, number>)
    .map(([name, count]) => ({ name, count }))
    .filter(({ name }) => !name.includes(","));
}

/** The models that describe pictures today. */
export async function describers(): Promise<{ caption: string | null; objects: string | null }> {
  return (await answer(api.GET("/api/v1/models/status"))).serving;
}

/** The address of a picture's file; with a size that of a small picture whose longer side has at most so many pixels. */
export function fileAddress(id: string, size?: number): string {
  const address = `/api/v1/images/download/${encodeURIComponent(id)}`;
  return size === undefined ? address : `${address}?size=${size}`;
}

/** Whether it lies as a file on the server's disk; others are kept among the server's own data, and have a name only. */
export function hasFile(picture: Picture): boolean {
  return picture.path !== picture.filename;
}

/** What a picture is called: by its caption or, without one, its name. */
export function titleOf(picture: Picture): string {
  return picture.caption || picture.filename || "A picture without a name";
}

/** Whether the file itself is shown large: browsers read no TIFF, and what is vast would fill the memory of a phone. */
export function showsWhole(picture: Picture): boolean {
  const [width = 0, height = 0] = picture.size;
  return picture.format !== "TIFF" && width * height <= 50_000_000 && picture.file_size <= 40_000_000;
}

/** Bytes for people. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} bytes`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 9.95 ? 1 : 0)} ${units[unit]}`;
}

/** A number and what is counted: "1 picture", "12,345 pictures". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
