/** Masks as shapes to draw: filled in a colour and outlined, made when first seen and kept. */

import type { Mask } from "./mask";
import { rings } from "./outline";

export interface Shape {
  /** The mask in one colour, every ``step``-th pixel. */
  fill: OffscreenCanvas;
  outline: Path2D;
  step: number;
  x: number;
  y: number;
}

/** More pixels are not drawn of any shape: where it is seen in whole, the screen has no more. */
const MOST_PIXELS = 2_000_000;

const made = new WeakMap<Mask, Map<string, Shape>>();

/** The shape of a mask in a colour, fine enough for so many pixels of the screen for one of the picture. */
export function shapeOf(mask: Mask, colour: string, scale: number): Shape | undefined {
  if (!mask.area) return undefined;
  const step = stepFor(mask, scale);
  const name = `${colour} ${step}`;
  let shapes = made.get(mask);
  if (!shapes) made.set(mask, (shapes = new Map()));
  let shape = shapes.get(name);
  if (!shape) shapes.set(name, (shape = drawn(mask, colour, step)));
  return shape;
}

/** Fills a shape; what is drawn on is in pixels of the picture. */
export function fill(context: OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D, shape: Shape): void {
  const { fill, step, x, y } = shape;
  // Only every step-th pixel was looked at: each stands for the ones after it.
  context.drawImage(fill, x * step, y * step, fill.width * step, fill.height * step);
}

function stepFor(mask: Mask, scale: number): number {
  let step = 1;
  const pixels = mask.box.width * mask.box.height;
  while (step * 2 <= 1 / scale || pixels / (step * step) > MOST_PIXELS) step *= 2;
  return step;
}

function drawn(mask: Mask, colour: string, step: number): Shape {
  const bitmap = mask.bitmap(step);
  const { x, y, width, height, data } = bitmap;
  const fill = new OffscreenCanvas(Math.max(width, 1), Math.max(height, 1));
  const context = fill.getContext("2d");
  if (context && width && height) {
    const image = context.createImageData(width, height);
    const words = new Uint32Array(image.data.buffer);
    const word = wordOf(colour);
    for (let i = 0; i < data.length; i++) if (data[i]) words[i] = word;
    context.putImageData(image, 0, 0);
  }
  const outline = new Path2D();
  for (const ring of rings(bitmap)) {
    for (let i = 0; i < ring.length; i += 2) {
      const [px = 0, py = 0] = [ring[i], ring[i + 1]];
      if (i) outline.lineTo(px, py);
      else outline.moveTo(px, py);
    }
    outline.closePath();
  }
  return { fill, outline, step, x, y };
}

/** "#rrggbb" as the bytes of an opaque pixel. */
function wordOf(colour: string): number {
  const [red, green, blue] = channels(colour);
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Red, green and blue of "#rrggbb". */
export function channels(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
