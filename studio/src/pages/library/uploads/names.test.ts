import { expect, test } from "vitest";

import { anotherName, looksLikePicture } from "./names";

test("a name that is taken is counted on", () => {
  expect(["cat.jpg", "cat (2).jpg", "cat (9).jpg", ".hidden", "no ending", "a.b.png"].map(anotherName)).toEqual([
    "cat (2).jpg",
    "cat (3).jpg",
    "cat (10).jpg",
    ".hidden (2)",
    "no ending (2)",
    "a.b (2).png",
  ]);
});

test("pictures are told by their type or their ending", () => {
  expect(looksLikePicture({ name: "x", type: "image/png" })).toBe(true);
  expect(looksLikePicture({ name: "X.TIFF", type: "" })).toBe(true);
  expect(looksLikePicture({ name: "x.svg", type: "image/svg+xml" })).toBe(false);
  expect(looksLikePicture({ name: "x.jpg.html", type: "text/html" })).toBe(false);
});
