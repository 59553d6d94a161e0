import { expect, test } from "vitest";

import { deeper, lowest, OPEN, passing } from "./everything";
import { Mask } from "./mask";

const found = [
  { id: 1, mask: Mask.whole(2, 2), score: 0.721, stability: 0.99 },
  { id: 2, mask: Mask.whole(2, 2), score: 0.9, stability: 0.5 },
];

test("the lowest thresholds let pass all that was found", () => {
  expect(lowest(found)).toEqual({ score: 0.72, stability: 0.5, area: 0 });
  expect(passing(found, lowest(found))).toEqual(found);
});

test("only what lies below was not looked for yet, and each threshold for itself", () => {
  const seen = lowest(found);
  expect(deeper({}, seen, seen)).toBeUndefined();
  expect(deeper({}, { ...seen, score: 0.3 }, seen)).toEqual({ score: 0.3, stability: undefined });
  expect(deeper({ score: 0.3 }, { ...seen, score: 0.3 }, seen)).toBeUndefined();
  expect(deeper({ score: 0.3 }, { ...seen, score: 0.5, stability: 0.1 }, seen)).toEqual({ score: 0.3, stability: 0.1 });
});

test("where nothing was found, all was not looked for", () => {
  expect(deeper({}, OPEN, lowest([]))).toEqual({ score: 0, stability: 0 });
  expect(deeper({ score: 0, stability: 0 }, OPEN, lowest([]))).toBeUndefined();
});
