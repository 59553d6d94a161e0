import { expect, test } from "vitest";

import { Mask } from "./mask";
import { pathData, rings } from "./outline";

/** Rows of "." and "#". */
function drawn(...rows: string[]): Mask {
  const [height, width] = [rows.length, rows[0]?.length ?? 0];
  const edges: number[] = [];
  let inside = false;
  for (let place = 0; place < width * height; place++) {
    const here = rows[place % height]?.[Math.floor(place / height)] === "#";
    if (here !== inside) edges.push(place);
    inside = here;
  }
  if (inside) edges.push(width * height);
  return new Mask(width, height, Uint32Array.from(edges));
}

function pixels(mask: Mask): string[] {
  return Array.from({ length: mask.height }, (_, y) =>
    Array.from({ length: mask.width }, (_, x) => (mask.contains(x, y) ? "#" : ".")).join(""),
  );
}

const RING = ["......", ".####.", ".#..#.", ".####.", "......"];

test.each([
  [RING, "632NO010O0124"],
  [["##", "##"], "04"],
  [["..", ".."], "4"],
])("run lengths as pycocotools writes them are read and written: %j", (rows, counts) => {
  expect(drawn(...rows).rle().counts).toBe(counts);
  expect(pixels(Mask.of({ size: [rows.length, rows[0]?.length ?? 0], counts }))).toEqual(rows);
});

test("damaged run lengths are refused", () => {
  expect(() => Mask.of({ size: [2, 2], counts: "\u0000" })).toThrow("damaged");
});

test("area and box are those of the pixels", () => {
  const mask = drawn(...RING);
  expect(mask.area).toBe(10);
  expect(mask.box).toEqual({ x: 1, y: 1, width: 4, height: 3 });
  expect(drawn("...", "...").box).toEqual({ x: 0, y: 0, width: 0, height: 0 });
});

test("a run over the end of a column reaches the top and the bottom", () => {
  expect(drawn("..#", "..#", ".#.").box).toEqual({ x: 1, y: 0, width: 2, height: 3 });
});

test("a union has the pixels of both, and likeness counts what is shared", () => {
  const [one, other] = [drawn("##..", "##.."), drawn(".##.", "....")];
  expect(pixels(Mask.union([one, other]))).toEqual(["###.", "##.."]);
  expect(one.shared(other)).toBe(1);
  expect(one.likeness(other)).toBeCloseTo(1 / 5);
  expect(one.likeness(one)).toBe(1);
});

test("a bitmap is the box, in every step-th pixel", () => {
  const mask = drawn(...RING);
  expect([...mask.bitmap().data].join("")).toBe("111110011111");
  const halves = mask.bitmap(2);
  expect(halves).toMatchObject({ x: 1, y: 1, width: 2, height: 1, step: 2 });
  expect([...halves.data].join("")).toBe("01");
});

test("an outline runs around the outside and the other way around a hole", () => {
  expect(pathData(rings(drawn(...RING).bitmap()))).toBe("M1 1L5 1L5 4L1 4ZM2 3L4 3L4 2L2 2Z");
});

test("pixels that meet at a corner have an outline each", () => {
  expect(rings(drawn("#.", ".#").bitmap())).toHaveLength(2);
  expect(rings(drawn(".#", "#.").bitmap())).toHaveLength(2);
});

test("every outline encloses the area of its mask", () => {
  const mask = drawn("##.#.#", "#.##.#", "###..#", "..####", "#.#.##");
  let twice = 0;
  for (const ring of rings(mask.bitmap())) {
    for (let i = 0; i < ring.length; i += 2) {
      const [x = 0, y = 0, nextX = 0, nextY = 0] = [
        ring[i],
        ring[i + 1],
        ring[(i + 2) % ring.length],
        ring[(i + 3) % ring.length],
      ];
      twice += x * nextY - nextX * y;
    }
  }
  expect(twice / 2).toBe(mask.area);
});
