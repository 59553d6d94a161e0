import { expect, test } from "vitest";

import { byArea, likeliest, masksAt, OPEN, passing } from "./everything";
import { History } from "./history";
import { Mask } from "./mask";
import { keeping, NOTHING, offered, read, withMasks, written } from "./selection";
import { fitted, moved, pixelAt, zoomed } from "./view";

function square(x: number, side: number, score = 0.5): { mask: Mask; score: number } {
  const edges = Array.from({ length: side }, (_, column) => [(x + column) * 20, (x + column) * 20 + side]).flat();
  return { mask: new Mask(20, 20, Uint32Array.from(edges)), score };
}

test("what was seen under the pointer stays, as one of the candidates or beside them", () => {
  const model = [square(0, 5), square(10, 8)];
  expect(offered(model, square(10, 8))).toMatchObject({ chosen: 1, candidates: model });
  const seen = square(3, 3);
  expect(offered(model, seen)).toEqual({ chosen: 0, candidates: [seen, ...model] });
  expect(offered(model, undefined).chosen).toBe(0);
});

test("a mask is offered once, however often a model gives it", () => {
  expect(offered([square(0, 5), square(0, 5), square(1, 5)], undefined).candidates).toHaveLength(2);
});

test("masks are kept once, each in a colour of its own", () => {
  const kept = withMasks([], [square(0, 5), square(10, 5), square(0, 5)]);
  expect(kept.map((mask) => mask.key)).toEqual([1, 2]);
  expect(new Set(kept.map((mask) => mask.colour)).size).toBe(2);
});

test("what is selected outlasts a reload, but not in another picture", () => {
  const draft = { points: [{ x: 1, y: 2, inside: true }], box: undefined, candidates: [square(0, 5)], chosen: 0 };
  const selection = { draft, kept: withMasks([], [square(10, 8)]) };
  const again = read(written(selection), 20, 20);
  expect(again.kept[0]?.mask.rle()).toEqual(selection.kept[0]?.mask.rle());
  expect(keeping(again).kept).toHaveLength(2);
  expect(read(written(selection), 21, 20)).toBe(NOTHING);
  expect(read("{", 20, 20)).toBe(NOTHING);
});

test("thresholds let pass what is as good, as stable and as large", () => {
  const masks = [0.2, 0.6, 0.9].map((score, id) => ({ ...square(0, 2 + 6 * id, score), id, stability: score }));
  expect(passing(masks, OPEN)).toHaveLength(3);
  expect(passing(masks, { ...OPEN, score: 0.6 }).map(({ id }) => id)).toEqual([1, 2]);
  expect(passing(masks, { ...OPEN, area: 64 / 400 }).map(({ id }) => id)).toEqual([1, 2]);
  const under = masksAt(byArea([...masks].reverse()), 1, 1);
  expect(under.map(({ id }) => id)).toEqual([0, 1, 2]);
  expect(likeliest(under)).toBe(2);
  expect(likeliest(under.slice(0, 1))).toBe(0);
  expect(likeliest([])).toBe(0);
});

test("a step back can be gone forward again until another one is taken", () => {
  const history = new History<number>();
  history.push(1);
  expect(history.undo(2)).toBe(1);
  expect(history.redo(1)).toBe(2);
  history.undo(2);
  history.push(1);
  expect(history.canRedo).toBe(false);
});

test("zooming leaves what is under the pointer where it is", () => {
  const [picture, window] = [
    { width: 4000, height: 3000 },
    { width: 800, height: 600 },
  ];
  const view = fitted(picture, window);
  const near = zoomed(view, 8, 300, 200, picture, window);
  expect(pixelAt(near, 300, 200, picture)).toEqual(pixelAt(view, 300, 200, picture));
  expect(pixelAt(view, 1, 1, picture)).toBeUndefined();
});

test("the picture cannot be lost beyond the window's edge", () => {
  const [picture, window] = [
    { width: 100, height: 100 },
    { width: 800, height: 600 },
  ];
  const far = moved(fitted(picture, window), 1e6, -1e6, picture, window);
  expect(far.x).toBeLessThan(window.width);
  expect(far.y + picture.height * far.scale).toBeGreaterThan(0);
});
