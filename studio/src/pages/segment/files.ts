/** Masks as files that are made here: SVG, COCO's JSON and run lengths. Pictures are painted by the server. */

import type { Kept } from "./selection";
import { pathData, rings } from "./outline";

interface Of {
  id: string;
  name: string;
  width: number;
  height: number;
}

/** The masks in their colours, exact to the pixel, to lie over the picture. */
export function svg(picture: Of, masks: readonly Kept[]): Blob {
  const { width, height } = picture;
  const paths = masks.map(
    ({ mask, colour, opacity }) =>
      `<path fill="${colour}" fill-opacity="${opacity}" fill-rule="evenodd" d="${pathData(rings(mask.bitmap()))}"/>`,
  );
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" shape-rendering="crispEdges">`,
    ...paths,
    "</svg>",
    "",
  ];
  return new Blob([lines.join("\n")], { type: "image/svg+xml" });
}

/** An annotation file as COCO's tools read it. */
export function coco(picture: Of, masks: readonly Kept[]): Blob {
  const { name, width, height } = picture;
  return json({
    info: { description: "Made with Image Quarry" },
    images: [{ id: 1, file_name: name, width, height }],
    categories: [{ id: 1, name: "object", supercategory: "" }],
    annotations: masks.map(({ mask, score }, index) => ({
      id: index + 1,
      image_id: 1,
      category_id: 1,
      // Objects in run lengths, as pycocotools decodes them; for "crowds" the standard wants the same form.
      segmentation: mask.rle(),
      area: mask.area,
      bbox: [mask.box.x, mask.box.y, mask.box.width, mask.box.height],
      iscrowd: 0,
      score,
    })),
  });
}

/** The bare run lengths. */
export function rle(picture: Of, masks: readonly Kept[]): Blob {
  return json({ image_id: picture.id, masks: masks.map(({ mask }) => mask.rle()) });
}

/** The picture's name without its ending, for the files made of it; letters that no disk takes are left out. */
export function stem(name: string): string {
  const bare = name
    .replace(/\.[A-Za-z0-9]{1,5}$/, "")
    .replace(/[^\p{L}\p{N}._ -]/gu, "")
    .trim();
  return bare || "picture";
}

function json(value: unknown): Blob {
  return new Blob([`${JSON.stringify(value, undefined, 1)}\n`], { type: "application/json" });
}
