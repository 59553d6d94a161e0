/** The outline of a mask: closed rings along the edges of its pixels, clockwise around it and the other way around holes. */

import type { Bitmap } from "./mask";

/** Corners as x, y, x, y and so on, in pixels of the picture. */
export type Ring = number[];

// East, south, west, north: what is inside lies to the right of the way.
const STEPS: readonly [number, number][] = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
];

const EAST = 1;

export function rings(bitmap: Bitmap): Ring[] {
  const { x, y, width, step } = bitmap;
  const across = width + 1;
  const ways = waysOut(bitmap);
  const found: Ring[] = [];
  // Every ring goes east somewhere: above a pixel of its own, or around a hole above the pixel that ends it.
  for (let start = 0; start < ways.length; start++) {
    while ((ways[start] ?? 0) & EAST) found.push(followed(start));
  }
  return found;

  function followed(start: number): Ring {
    const ring: Ring = [];
    let at = start;
    let way = 0;
    let before = -1;
    do {
      if (way !== before) ring.push((x + (at % across)) * step, (y + Math.floor(at / across)) * step);
      before = way;
      // The first way stays open until the ring has come back to it.
      if (at !== start || way !== 0) ways[at] = (ways[at] ?? 0) & ~(1 << way);
      const [dx, dy] = STEPS[way] ?? [0, 0];
      at += dx + dy * across;
      // Where two rings meet in a corner, the sharper turn stays with its own pixel.
      way = [way + 1, way, way + 3].map((turn) => turn % 4).find((turn) => (ways[at] ?? 0) & (1 << turn)) ?? 0;
    } while (at !== start || way !== 0);
    ways[start] = (ways[start] ?? 0) & ~EAST;
    return ring;
  }
}

/** For each corner of the pixels, the ways that an outline leaves it by: a bit for each of STEPS. */
function waysOut({ width, height, data }: Bitmap): Uint8Array {
  const across = width + 1;
  const out = new Uint8Array(across * (height + 1));
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const here = row * width + column;
      if (!data[here]) continue;
      const corner = row * across + column;
      if (row === 0 || !data[here - width]) out[corner]! |= 1;
      if (column === width - 1 || !data[here + 1]) out[corner + 1]! |= 2;
      if (row === height - 1 || !data[here + width]) out[corner + across + 1]! |= 4;
      if (column === 0 || !data[here - 1]) out[corner + across]! |= 8;
    }
  }
  return out;
}

/** The rings as an SVG path, to be filled by the even-odd rule. */
export function pathData(all: readonly Ring[]): string {
  return all
    .map((ring) => {
      let path = "";
      for (let i = 0; i < ring.length; i += 2) path += `${i ? "L" : "M"}${ring[i]} ${ring[i + 1]}`;
      return `${path}Z`;
    })
    .join("");
}
