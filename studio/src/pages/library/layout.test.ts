import { expect, test } from "vitest";

import { cornerOf, heightOf, inSight, layoutOf, moved, reveal, sizeFor } from "./layout";

test.each([320, 390, 1280, 1920, 3840])("tiles fill a window %i wide and do not leave it", (width) => {
  const layout = layoutOf(width, 16);
  const right = cornerOf(layout, layout.columns - 1).x + layout.side;
  expect(right).toBeLessThanOrEqual(width - layout.margin);
  expect(right).toBeGreaterThan(width - layout.margin - layout.columns);
  expect(layout.columns).toBeGreaterThanOrEqual(2);
});

test("of ten thousand tiles only those in sight and a few more exist, and none in sight is missing", () => {
  const layout = layoutOf(1280, 16);
  const whole = heightOf(layout, 10_000);
  for (let top = 0; top < whole - 800; top += 997) {
    const { first, last } = inSight(layout, 10_000, top, 800);
    expect(last - first).toBeLessThanOrEqual(layout.columns * (Math.ceil(800 / layout.step) + 1 + 4));
    for (const index of [Math.max(first - 1, 0), Math.min(last, 9_999)]) {
      if (index >= first && index < last) continue;
      const { y } = cornerOf(layout, index);
      expect(y + layout.side + layout.foot < top || y > top + 800).toBe(true);
    }
  }
  expect(inSight(layout, 10_000, whole - 800, 800).last).toBe(10_000);
  expect(inSight(layout, 0, 0, 800)).toEqual({ first: 0, last: 0 });
});

test("keys move through the grid and stop at its edges", () => {
  const go = (key: string, from: number): number | undefined => moved(key, from, 10, 4, 2);
  expect(go("ArrowRight", 3)).toBe(4);
  expect(go("ArrowLeft", 0)).toBe(0);
  expect(go("ArrowUp", 2)).toBe(2);
  expect(go("ArrowDown", 7)).toBe(7);
  expect(go("PageDown", 5)).toBe(9);
  expect(go("Home", 5)).toBe(0);
  expect(go("End", 5)).toBe(9);
  expect(go("a", 5)).toBeUndefined();
  expect(moved("Home", 0, 0, 4, 2)).toBeUndefined();
});

test("a tile out of sight is scrolled to, one in sight is left where it is", () => {
  const layout = layoutOf(1280, 16);
  const far = 100 * layout.columns;
  const top = reveal(layout, far, 0, 800);
  const { y } = cornerOf(layout, far);
  expect(y).toBeGreaterThanOrEqual(top);
  expect(y + layout.side + layout.foot).toBeLessThanOrEqual(top + 800);
  expect(reveal(layout, far, top, 800)).toBe(top);
  expect(reveal(layout, 0, top, 800)).toBe(0);
});

test("a sharper screen gets a larger picture", () => {
  expect(sizeFor(180, 1)).toBe(256);
  expect(sizeFor(180, 2)).toBe(512);
  expect(sizeFor(600, 3)).toBe(1024);
});
