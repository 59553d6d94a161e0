/** Files from the server, and files for whoever sits here. */

import { request } from "./client";

/** What lies at an address of this server, under the name that the server gives it. */
export async function fileAt(path: string, otherwise: string, signal?: AbortSignal): Promise<File> {
  const response = await request(new Request(new URL(path, location.origin), signal ? { signal } : {}));
  const name = nameIn(response.headers.get("Content-Disposition")) || otherwise;
  const blob = await response.blob();
  return new File([blob], name, { type: blob.type });
}

/** The file's name in a Content-Disposition header, without anything that could be a folder; empty without one. */
export function nameIn(disposition: string | null): string {
  const extended = /filename\*=utf-8''([^;]+)/i.exec(disposition ?? "")?.[1];
  const plain = /filename="((?:[^"\\]|\\.)*)"/i.exec(disposition ?? "")?.[1]?.replace(/\\(.)/g, "$1");
  const name = (extended ? decoded(extended) : plain) ?? "";
  return name.replace(/[/\\\0]/g, "_");
}

/** Saves under a name. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  saveFrom(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Has the browser fetch and save what lies at an address. */
export function saveFrom(address: string, name: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
