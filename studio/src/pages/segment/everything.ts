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

const NEARLY = 0.85;

export const OPEN: Thresholds = { score: 0, stability: 0, area: 0 };

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
