/** Duplicates as the server finds them, and what removing them would do. */

import { answer, api } from "$/api/client";
import type { paths } from "$/api/schema";

type Found = paths["/api/v1/duplicates/check"]["post"]["responses"]["200"]["content"]["application/json"];
type Removed =
  paths["/api/v1/duplicates/remove-duplicates"]["delete"]["responses"]["200"]["content"]["application/json"];

export interface Member {
  id: string;
  path: string;
  /** How like the first of the group, 0 to 1, and why; the first is like itself. */
  score: number;
  kind: string;
}

/** Pictures that are alike; the others are compared with the first. */
export type Group = Member[];

export interface Duplicates {
  /** Among how many pictures. */
  total: number;
  groups: Group[];
}

/** A group and what a removal would do to it. */
export interface Fate {
  stays: Member[];
  goes: Member[];
}

export interface Plan {
  stays: string[];
  goes: string[];
}

/** What counts as worth keeping where the server decides. */
export type Keep = "typical" | "largest";

export async function look(threshold: number, signal: AbortSignal): Promise<Duplicates> {
  const body = { similarity_threshold: threshold / 100 };
  return grouped(await answer(api.POST("/api/v1/duplicates/check", { body, signal })));
}

/** Asks what a removal would do; removes nothing. */
export async function planned(threshold: number, keep: Keep): Promise<Plan> {
  const told = await removal(threshold, keep, { dry_run: true, delete_files: false });
  return { stays: told.kept_ids, goes: told.removed_ids };
}

/** Removes what the plan says. Returns the plan as it is now, undone, where it is not what was agreed to any more. */
export async function carriedOut(
  agreed: Plan,
  threshold: number,
  keep: Keep,
  delete_files: boolean,
): Promise<{ removed: Removed } | { changed: Plan }> {
  const now = await planned(threshold, keep);
  if (!samePlan(now, agreed)) return { changed: now };
  return { removed: await removal(threshold, keep, { dry_run: false, delete_files }) };
}

export function samePlan(one: Plan, other: Plan): boolean {
  const same = (some: string[], others: string[]): boolean =>
    some.length === others.length && new Set([...some, ...others]).size === some.length;
  return same(one.stays, other.stays) && same(one.goes, other.goes);
}

/** The plan group by group, so that beside each picture that goes stands the one that stays. */
export function fates(groups: readonly Group[], plan: Plan): Fate[] {
  const stays = new Set(plan.stays);
  const goes = new Set(plan.goes);
  return groups
    .map((group) => ({
      stays: group.filter(({ id }) => stays.has(id)),
      goes: group.filter(({ id }) => goes.has(id)),
    }))
    .filter((fate) => fate.goes.length > 0);
}

export function grouped(found: Found): Duplicates {
  const groups = found.duplicate_groups.map(({ representative_id, duplicate_ids, similarity_scores, kinds, paths }) => [
    { id: representative_id, path: paths[0] ?? "", score: 1, kind: "" },
    ...duplicate_ids.map((id, at) => ({
      id,
      path: paths[at + 1] ?? "",
      score: similarity_scores[at] ?? 0,
      kind: kinds[at] ?? "",
    })),
  ]);
  return { total: found.total_images, groups };
}

/** The file's name in a path. */
export function nameIn(path: string): string {
  return path.split("/").pop() || path;
}

/** Why it is a duplicate, in words. */
export function why({ kind, score }: Member): string {
  const words: Record<string, string> = {
    identical: "The same file",
    "re-encoded": "The same picture, saved differently",
    similar: "Much alike",
  };
  return `${words[kind] ?? "Alike"} · ${Math.floor(score * 1000) / 10} %`;
}

async function removal(
  threshold: number,
  keep: Keep,
  how: { dry_run: boolean; delete_files: boolean },
): Promise<Removed> {
  const query = { similarity_threshold: threshold / 100, keep_first: keep === "typical", ...how };
  return answer(api.DELETE("/api/v1/duplicates/remove-duplicates", { params: { query } }));
}
