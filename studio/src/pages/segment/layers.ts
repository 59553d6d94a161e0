/** What the stage draws, layer by layer: the picture, the masks, and what is under the pointer and being selected. */

import type { FoundMask } from "./server";
import type { Draft, Kept } from "./selection";
import { colourOf } from "./selection";
import type { Mask, Box } from "./mask";
import type { Picture } from "./picture";
import { fill, shapeOf } from "./shapes";
import type { View } from "./view";

type Context = CanvasRenderingContext2D;

export const HOVER = "#ffffff";
export const DRAFT = "#ff7a45";

/** Clears a layer, so that what follows is drawn in pixels of the picture. */
function begin(context: Context, view: View): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(view.scale, 0, 0, view.scale, view.x, view.y);
}

export function drawPicture(context: Context, view: View, picture: Picture): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  picture.draw(context, view);
}

export function drawMasks(context: Context, view: View, kept: readonly Kept[], everything: readonly FoundMask[]): void {
  begin(context, view);
  // The largest first, so that what lies on it can be seen.
  for (const found of [...everything].reverse()) paint(context, view, found.mask, colourOf(found.id), 0.5, 1);
  for (const { mask, colour, opacity, visible } of kept) if (visible) paint(context, view, mask, colour, opacity, 2);
}

export interface Live {
  hovered: Mask | undefined;
  draft: Draft | undefined;
  /** The box that is being drawn. */
  frame: Box | undefined;
  /** Where the keyboard points. */
  cursor: { x: number; y: number } | undefined;
}

export function drawLive(context: Context, view: View, { hovered, draft, frame, cursor }: Live): void {
  begin(context, view);
  const chosen = draft?.candidates[draft.chosen]?.mask;
  if (chosen) paint(context, view, chosen, DRAFT, 0.45, 2.5);
  if (hovered && hovered !== chosen) paint(context, view, hovered, HOVER, 0.35, 2);
  for (const box of [draft?.box, frame]) if (box) drawFrame(context, view, box);
  context.setTransform(1, 0, 0, 1, 0, 0);
  for (const point of draft?.points ?? []) drawPoint(context, view, point.x + 0.5, point.y + 0.5, point.inside);
  if (cursor) drawCursor(context, view, cursor.x + 0.5, cursor.y + 0.5);
}

function paint(context: Context, view: View, mask: Mask, colour: string, opacity: number, line: number): void {
  const shape = shapeOf(mask, colour, view.scale);
  if (!shape) return;
  context.imageSmoothingEnabled = false;
  context.globalAlpha = opacity;
  fill(context, shape);
  context.globalAlpha = 1;
  const unit = devicePixelRatio / view.scale;
  if (line > 1) {
    // Dark below light: seen on every picture.
    context.strokeStyle = "#000000a0";
    context.lineWidth = (line + 1.5) * unit;
    context.stroke(shape.outline);
  }
  context.strokeStyle = colour;
  context.lineWidth = line * unit;
  context.stroke(shape.outline);
}

function drawFrame(context: Context, view: View, box: Box): void {
  const unit = devicePixelRatio / view.scale;
  for (const [colour, dash] of [
    ["#000000", []],
    ["#ffffff", [6 * unit, 4 * unit]],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = 1.5 * unit;
    context.setLineDash([...dash]);
    context.strokeRect(box.x, box.y, box.width, box.height);
  }
  context.setLineDash([]);
}

function drawPoint(context: Context, view: View, x: number, y: number, inside: boolean): void {
  const unit = devicePixelRatio;
  const [atX, atY] = [view.x + x * view.scale, view.y + y * view.scale];
  context.beginPath();
  context.arc(atX, atY, 6.5 * unit, 0, 2 * Math.PI);
  context.fillStyle = inside ? "#137a3f" : "#b3261e";
  context.fill();
  context.lineWidth = 2 * unit;
  context.strokeStyle = "#ffffff";
  context.stroke();
  // Plus and minus, for whom the colours are one.
  context.beginPath();
  context.moveTo(atX - 3 * unit, atY);
  context.lineTo(atX + 3 * unit, atY);
  if (inside) {
    context.moveTo(atX, atY - 3 * unit);
    context.lineTo(atX, atY + 3 * unit);
  }
  context.stroke();
}

function drawCursor(context: Context, view: View, x: number, y: number): void {
  const unit = devicePixelRatio;
  const [atX, atY] = [view.x + x * view.scale, view.y + y * view.scale];
  for (const [colour, width] of [
    ["#000000", 4],
    ["#ffffff", 2],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width * unit;
    context.beginPath();
    context.moveTo(atX - 12 * unit, atY);
    context.lineTo(atX + 12 * unit, atY);
    context.moveTo(atX, atY - 12 * unit);
    context.lineTo(atX, atY + 12 * unit);
    context.stroke();
  }
}
