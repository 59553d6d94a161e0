/** The outlines of masks, made when they are first drawn and kept. */

import type { Mask } from "./mask";
import { rings } from "./outline";

/** More pixels are not looked at for any outline: where all of it is seen, the screen has no more. */
const MOST_PIXELS = 2_000_000;

const made = new WeakMap<Mask, Map<number, Path2D>>();

/** A mask's outline in pixels of the picture, fine enough for so many pixels of the screen for one of the picture. */
export function outlineOf(mask: Mask, scale: number): Path2D {
  const step = stepFor(mask, scale);
  let outlines = made.get(mask);
  if (!outlines) made.set(mask, (outlines = new Map()));
  let outline = outlines.get(step);
  if (!outline) outlines.set(step, (outline = traced(mask, step)));
  return outline;
}

function stepFor(mask: Mask, scale: number): number {
  let step = 1;
  const pixels = mask.box.width * mask.box.height;
  while (step * 2 <= 1 / scale || pixels / (step * step) > MOST_PIXELS) step *= 2;
  return step;
}

function traced(mask: Mask, step: number): Path2D {
  const outline = new Path2D();
  for (const ring of rings(mask.bitmap(step))) {
    for (let i = 0; i < ring.length; i += 2) {
      const [x = 0, y = 0] = [ring[i], ring[i + 1]];
      if (i) outline.lineTo(x, y);
      else outline.moveTo(x, y);
    }
    outline.closePath();
  }
  return outline;
}

/** Red, green and blue of "#rrggbb". */
export function channels(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
