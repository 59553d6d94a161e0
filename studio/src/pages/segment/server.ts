/** What the Segment page asks of the server, in its own words: pictures, masks, files. Routes of surfaces B, C and D. */

import { answer, api, asForm, filePart, reply } from "$/api/client";
import { fileAt } from "$/api/files";

import type { Reach } from "./everything";
import { Mask, type Box, type Rle } from "./mask";

export interface Point {
  x: number;
  y: number;
  /** Whether it belongs to what is meant, or not. */
  inside: boolean;
}

/** A mask that a model gave, and the overlap it expects with what was meant. */
export interface Candidate {
  mask: Mask;
  score: number;
}

/** A mask of the search for everything. */
export interface FoundMask extends Candidate {
  id: number;
  stability: number;
}

export interface Found {
  masks: FoundMask[];
  model: string;
  width: number;
  height: number;
}

/** A mask to paint: red, green, blue and alpha, 0 to 255. */
export interface Paint {
  mask: Mask;
  colour: [number, number, number, number];
}

/** Takes a picture in; its id. */
export async function upload(file: File): Promise<string> {
  const sent = await answer(
    api.POST("/api/upload/image", { body: { file: filePart(file), image_type: "original" }, bodySerializer: asForm }),
  );
  return sent.image_id;
}

/** The picture's file. */
export function pictureOf(id: string, signal: AbortSignal): Promise<File> {
  return fileAt(`/api/v1/images/download/${encodeURIComponent(id)}`, id, signal);
}

/** The masks kept with a picture, none where it was never searched. */
export async function foundIn(id: string, signal: AbortSignal): Promise<Found> {
  const { data, model } = await reply(
    api.GET("/images/{image_id}/info", {
      params: { path: { image_id: id }, query: { mask_format: "rle", picture: false, scores: true } },
      signal,
    }),
  );
  const masks = data.available_masks.map((found) => ({
    id: found.id,
    mask: Mask.of(found.mask_b64 as Rle),
    score: found.predicted_iou ?? 0,
    stability: found.stability_score ?? 0,
  }));
  return { masks, model, width: data.width, height: data.height };
}

/** Searches a kept picture for everything in it, so far down, and keeps what is found with it. */
export async function findEverything(id: string, { score, stability }: Reach, signal: AbortSignal): Promise<void> {
  const query = {
    image_id: id,
    ...(score !== undefined && { pred_iou_thresh: score }),
    ...(stability !== undefined && { stability_score_thresh: stability }),
  };
  await answer(api.POST("/generate_and_store_masks", { params: { query }, body: {}, signal }));
}

/** Three candidates for what points and a box mean, the best first. */
export async function prompted(
  id: string,
  points: readonly Point[],
  box: Box | undefined,
  signal: AbortSignal,
): Promise<{ candidates: Candidate[]; model: string }> {
  const { data, model } = await reply(
    api.POST("/api/run", {
      body: {
        original_image_id: id,
        points: points.map(({ x, y }) => ({ x, y })),
        labels: points.map(({ inside }) => Number(inside)),
        box: box ?? null,
        mask_format: "rle",
        feather: 0,
      },
      signal,
    }),
  );
  const candidates = data.results.map((result) => ({ mask: Mask.of(result.mask as Rle), score: result.score }));
  return { candidates: candidates.filter(({ mask }) => mask.area > 0), model };
}

/** The masks in colours on a transparent canvas, as the server paints them. */
export function painted(id: string, paints: readonly Paint[]): Promise<Blob> {
  return rendered(id, {
    render_instructions: paints.map(({ mask, colour }) => ({ mask: { ...mask.rle() }, color: colour })),
  });
}

/** What the mask holds, cut out of the picture with a soft edge of so many pixels. */
export function cutOut(id: string, mask: Mask, feather: number, signal?: AbortSignal): Promise<Blob> {
  return rendered(id, { render_instructions: [{ mask: { ...mask.rle() } }], feather }, signal);
}

async function rendered(
  id: string,
  body: { render_instructions: { mask: { [key: string]: unknown }; color?: number[] }[]; feather?: number },
  signal?: AbortSignal,
): Promise<Blob> {
  const { rendered_image_b64 } = await answer(
    api.POST("/render_masks/{image_id}", {
      params: { path: { image_id: id } },
      body: { feather: 0, ...body },
      ...(signal ? { signal } : {}),
    }),
  );
  const bytes = Uint8Array.from(atob(rendered_image_b64), (char) => char.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}
