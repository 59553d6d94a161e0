/** What the page shows, by its address: /studio/3d, /studio/3d/<image id>, /studio/3d/job/<job id>?file=<file id>. */

import { href } from "$/router/address";

export type Shown = { what: "start" } | { what: "picture"; id: string } | { what: "job"; id: string };

const PAGE = "3d";
const JOB = "job";

export const START = href(PAGE);

export function shownAt(rest: readonly string[]): Shown {
  const [first, second] = rest;
  if (first === JOB && second) return { what: "job", id: second };
  return first ? { what: "picture", id: first } : { what: "start" };
}

export function jobAddress(id: string, file?: string): string {
  return href(PAGE, [JOB, id], { file });
}

export function pictureAddress(id: string): string {
  return href(PAGE, [id]);
}
