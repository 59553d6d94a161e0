/**
 * The server's routes, typed from its own description of them (`npm run types`).
 *
 *   const info = await answer(api.GET("/images/{image_id}/info", { params: { path: { image_id } } }));
 *
 * Whatever is no success is thrown as a ``Fault``. A key that the server asks for is asked for here, once, and the
 * request is sent again.
 */

import createClient from "openapi-fetch";

import { connection } from "./connection.svelte";
import { Fault, faultOf, unreachable } from "./fault";
import { keys } from "./key.svelte";
import type { paths } from "./schema";

/** ``fetch`` for this server, with the key. Throws ``Fault``; an aborted request throws what ``fetch`` throws. */
export async function request(asked: Request): Promise<Response> {
  const again = asked.clone();
  const used = keys.value;
  let response = await send(asked);
  // While it was on its way, another request may have asked for the key already.
  if (response.status === 401 && (keys.value !== used || (await keys.ask()))) response = await send(again);
  if (!response.ok) throw await faultOf(response);
  return response;
}

export const api = createClient<paths>({ baseUrl: globalThis.location?.origin ?? "", fetch: request });

/** The body of a reply. */
export async function answer<T>(asked: Promise<{ data?: T; response: Response }>): Promise<T> {
  return (await reply(asked)).data;
}

/** The body of a reply and its headers, among them the model that answered. */
export async function reply<T>(
  asked: Promise<{ data?: T; response: Response }>,
): Promise<{ data: T; headers: Headers; model: string }> {
  const { data, response } = await asked;
  if (data === undefined)
    throw new Fault({ message: "The server’s reply could not be read.", status: response.status });
  return { data, headers: response.headers, model: response.headers.get("X-Model") ?? "" };
}

/** The bytes at an address of this server: pictures and files, which an <img> or <a> could not ask for with a key. */
export async function bytesOf(path: string, signal?: AbortSignal): Promise<Blob> {
  const response = await request(new Request(new URL(path, location.origin), signal ? { signal } : {}));
  return response.blob();
}

/** A body as a form: ``{ body: { file: filePart(file) }, bodySerializer: asForm }``. */
export function asForm(body: unknown): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(body as Record<string, unknown>)) {
    for (const part of Array.isArray(value) ? value : [value]) {
      if (part instanceof Blob) form.append(name, part, part instanceof File ? part.name : name);
      else if (part !== undefined && part !== null) form.append(name, String(part));
    }
  }
  return form;
}

/** A file where the description of a form says "string, binary"; the types know no files. */
export function filePart(file: Blob): string {
  return file as unknown as string;
}

async function send(asked: Request): Promise<Response> {
  if (keys.value) asked.headers.set("X-API-Key", keys.value);
  try {
    const response = await fetch(asked);
    connection.seen();
    return response;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    connection.lost();
    throw unreachable();
  }
}
