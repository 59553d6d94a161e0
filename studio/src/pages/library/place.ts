/** What the address says of the library: what is looked for, and which picture is open. */

import { href, type Address } from "$/router/address";

export interface Place {
  /** Words that are searched for. */
  query: string;
  /** Names of objects; pictures that show any of them. */
  objects: string[];
  /** The id of a picture whose likes are shown. */
  like: string;
  /** The grid of pictures, or duplicates side by side. */
  view: "pictures" | "duplicates";
  /** How alike duplicates are, in percent. */
  threshold: number;
  /** The id of the open picture; empty for none. */
  open: string;
}

export const THRESHOLD = { least: 80, most: 100, usual: 95 };

export function placeOf(address: Address): Place {
  const { query, rest } = address;
  const threshold = Number(query.get("threshold") ?? THRESHOLD.usual);
  return {
    query: query.get("q") ?? "",
    objects: (query.get("objects") ?? "").split(",").filter(Boolean),
    like: query.get("like") ?? "",
    view: query.get("view") === "duplicates" ? "duplicates" : "pictures",
    threshold: Number.isFinite(threshold)
      ? Math.min(Math.max(Math.round(threshold), THRESHOLD.least), THRESHOLD.most)
      : THRESHOLD.usual,
    open: rest[0] ?? "",
  };
}

/** The address of a place; what is as usual is left out. */
export function addressOf(place: Place): string {
  return href("library", place.open ? [place.open] : [], {
    q: place.query,
    objects: place.objects.join(","),
    like: place.like,
    view: place.view === "pictures" ? "" : place.view,
    threshold: place.view === "duplicates" && place.threshold !== THRESHOLD.usual ? String(place.threshold) : "",
  });
}
