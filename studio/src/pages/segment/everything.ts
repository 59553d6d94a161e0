/** All masks of a picture: which of them count, and which one lies under a pixel. */

import type { FoundMask } from "./server";

export interface Thresholds {
  /** The least overlap that the model expects, 0 to 1. */
  score: number;
  /** The least stability, 0 to 1. */
  stability: number;
  /** The least area, as a share of the picture. */
  area: number;
}

/** How far down the server was told to look; where it was not, the model's own thresholds held. */
export interface Reach {
  score?: number | undefined;
  stability?: number | undefined;
}

const NEARLY = 0.85;

export const OPEN: Thresholds = { score: 0, stability: 0, area: 0 };

/** Thresholds that let all of these masks pass, and say how far down the search looked, as far as one can see. */
export function lowest(masks: readonly FoundMask[]): Thresholds {
  const least = (of: (mask: FoundMask) => number): number =>
    Math.max(Math.floor(100 * masks.reduce((low, mask) => Math.min(low, of(mask)), 1)) / 100, 0);
  return { score: least(({ score }) => score), stability: least(({ stability }) => stability), area: 0 };
}

/** How far down a search is to look: as far as the last one, or as these thresholds where they are lower. */
export function deeper(reached: Reach, wanted: Thresholds, seen: Thresholds): Reach | undefined {
  const lower = (at: number | undefined, want: number, least: number): number | undefined =>
    want < (at ?? least) ? want : at;
  const next = {
    score: lower(reached.score, wanted.score, seen.score),
    stability: lower(reached.stability, wanted.stability, seen.stability),
  };
  return next.score === reached.score && next.stability === reached.stability ? undefined : next;
}

export function passing(masks: readonly FoundMask[], least: Thresholds): FoundMask[] {
  return masks.filter(
    ({ mask, score, stability }) =>
      score >= least.score && stability >= least.stability && mask.area >= least.area * mask.width * mask.height,
  );
}

/** The masks that hold a pixel, the smallest first. ``masks`` come sorted by area. */
export function masksAt(masks: readonly FoundMask[], x: number, y: number): FoundMask[] {
  return masks.filter(({ mask }) => mask.contains(x, y));
}

/** Of several masks under a pixel, the smallest one that the model believes in about as much as in the best. */
export function likeliest(under: readonly FoundMask[]): number {
  const best = Math.max(0, ...under.map(({ score }) => score));
  return Math.max(
    under.findIndex(({ score }) => score >= NEARLY * best),
    0,
  );
}

/** Smallest first, as ``masksAt`` wants them. */
export function byArea(masks: readonly FoundMask[]): FoundMask[] {
  return [...masks].sort((one, other) => one.mask.area - other.mask.area);
}
