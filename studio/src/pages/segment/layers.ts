/** How masks are drawn: many together over the whole window, or one by itself where it lies. */

import type { FoundMask } from "./server";
import { colourOf, type Kept } from "./selection";
import type { Mask } from "./mask";
import { shown } from "./picture";
import { outlineOf } from "./shapes";
import type { Size, View } from "./view";

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** How a mask looks; the line's width in pixels of the page. */
export interface Look {
  colour: string;
  opacity: number;
  line: number;
}

export const HOVER: Look = { colour: "#ffffff", opacity: 0.35, line: 2 };
/** What is being selected, in the colour that it will have when it is kept. */
export const draftIn = (colour: string): Look => ({ colour, opacity: 0.45, line: 2.5 });
/** By how much a line of two colours is wider than its light part. */
const DARK = 1.5;

export function drawMasks(context: Context, view: View, kept: readonly Kept[], everything: readonly FoundMask[]): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(view.scale, 0, 0, view.scale, view.x, view.y);
  // The largest first, so that what lies on it can be seen.
  for (const { id, mask } of [...everything].reverse())
    paint(context, view, mask, { colour: colourOf(id), opacity: 0.5, line: 1 });
  for (const { mask, colour, opacity, visible } of kept)
    if (visible) paint(context, view, mask, { colour, opacity, line: 2 });
}

function paint(context: Context, view: View, mask: Mask, { colour, opacity, line }: Look): void {
  if (!mask.area) return;
  const outline = outlineOf(mask, view.scale);
  context.fillStyle = context.strokeStyle = colour;
  context.globalAlpha = opacity;
  context.fill(outline, "evenodd");
  context.globalAlpha = 1;
  const unit = devicePixelRatio / view.scale;
  if (line > 1) {
    // Dark below light: seen on every picture.
    context.strokeStyle = "#000000a0";
    context.lineWidth = (line + DARK) * unit;
    context.stroke(outline);
    context.strokeStyle = colour;
  }
  context.lineWidth = line * unit;
  context.stroke(outline);
}

/** More pixels are not kept. */
const MOST_PIXELS = 24_000_000;

/**
 * Single masks, each in an element of its own that is no larger than what is seen of it. Painted once for a view, they
 * come and go at the price of their own pixels.
 */
export class Sprites {
  readonly #look: Look;
  #view: View | undefined;
  #pixels = 0;
  readonly #made = new Map<Mask, HTMLCanvasElement | undefined>();

  constructor(look: Look) {
    this.#look = look;
  }

  /** Whether one more would be kept. */
  get room(): boolean {
    return this.#pixels < MOST_PIXELS;
  }

  /** The mask as the view shows it in a window of that size; undefined where nothing of it is seen. */
  of(mask: Mask, view: View, window: Size): HTMLCanvasElement | undefined {
    if (view !== this.#view) {
      this.#made.clear();
      this.#pixels = 0;
      this.#view = view;
    }
    if (this.#made.has(mask)) return this.#made.get(mask);
    const sprite = this.#painted(mask, view, window);
    if (this.room) {
      this.#made.set(mask, sprite);
      this.#pixels += sprite ? sprite.width * sprite.height : 0;
    }
    return sprite;
  }

  #painted(mask: Mask, view: View, window: Size): HTMLCanvasElement | undefined {
    const margin = Math.ceil((this.#look.line + DARK) * devicePixelRatio);
    const { box } = mask;
    const left = Math.max(Math.floor(view.x + box.x * view.scale) - margin, 0);
    const top = Math.max(Math.floor(view.y + box.y * view.scale) - margin, 0);
    const right = Math.min(Math.ceil(view.x + (box.x + box.width) * view.scale) + margin, window.width);
    const bottom = Math.min(Math.ceil(view.y + (box.y + box.height) * view.scale) + margin, window.height);
    if (!mask.area || right <= left || bottom <= top) return undefined;
    const canvas = new OffscreenCanvas(right - left, bottom - top);
    const context = canvas.getContext("2d");
    if (!context) return undefined;
    context.setTransform(view.scale, 0, 0, view.scale, view.x - left, view.y - top);
    paint(context, view, mask, this.#look);
    const sprite = shown(canvas.transferToImageBitmap());
    const unit = 1 / devicePixelRatio;
    sprite.style.transform = `matrix(${unit}, 0, 0, ${unit}, ${left * unit}, ${top * unit})`;
    return sprite;
  }
}
