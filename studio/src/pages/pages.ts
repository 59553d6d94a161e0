/** The studio's pages, in the order of the navigation. Each is loaded when it is first opened. */

import type { Component } from "svelte";

import type { IconName } from "$/components/icons";
import type { Address } from "$/router/address";

/** What a page is given: what follows its name in the address, and the query. */
export interface PageProps {
  address: Address;
}

export interface Page {
  name: string;
  title: string;
  icon: IconName;
  load: () => Promise<{ default: Component<PageProps> }>;
}

export const PAGES: readonly [Page, ...Page[]] = [
  { name: "segment", title: "Segment", icon: "segment", load: () => import("./segment/Segment.svelte") },
  { name: "library", title: "Library", icon: "library", load: () => import("./library/Library.svelte") },
  { name: "3d", title: "3D", icon: "cube", load: () => import("./space/Space.svelte") },
  { name: "jobs", title: "Jobs", icon: "jobs", load: () => import("./jobs/Jobs.svelte") },
  { name: "models", title: "Models", icon: "models", load: () => import("./models/Models.svelte") },
  { name: "status", title: "Status", icon: "status", load: () => import("./status/Status.svelte") },
];

/** The page of that name; the first one for the bare address. */
export function pageNamed(name: string): Page | undefined {
  return name === "" ? PAGES[0] : PAGES.find((page) => page.name === name);
}
