import { expect, test } from "vitest";

import { bytes, counted, fileAddress, hasFile, showsWhole, titleOf, type Picture } from "./pictures";

const picture: Picture = {
  id: "1",
  path: "/photos/cat.jpg",
  filename: "cat.jpg",
  size: [640, 480],
  file_size: 1000,
  format: "JPEG",
  caption: "",
  objects: [],
};

test("a picture is called by its caption, else by its name", () => {
  expect(titleOf({ ...picture, caption: "Two cats" })).toBe("Two cats");
  expect(titleOf(picture)).toBe("cat.jpg");
  expect(titleOf({ ...picture, filename: "" })).not.toBe("");
});

test("only what lies on the disk has a file, and only what browsers can show is shown whole", () => {
  expect(hasFile(picture)).toBe(true);
  expect(hasFile({ ...picture, path: "cat.jpg" })).toBe(false);
  expect(showsWhole(picture)).toBe(true);
  expect(showsWhole({ ...picture, format: "TIFF" })).toBe(false);
  expect(showsWhole({ ...picture, size: [12_000, 12_000] })).toBe(false);
});

test("an id leads nowhere else, whatever is in it", () => {
  expect(fileAddress("../../x?y#z", 256)).toBe("/api/v1/images/download/..%2F..%2Fx%3Fy%23z?size=256");
});

test("bytes and counts read as people write them", () => {
  expect([0, 999, 1000, 9_960, 153_400, 999_600, 1.5e9].map(bytes)).toEqual([
    "0 bytes",
    "999 bytes",
    "1.0 kB",
    "10 kB",
    "153 kB",
    "1.0 MB",
    "1.5 GB",
  ]);
  expect([counted(1, "picture"), counted(12_345, "picture")]).toEqual(["1 picture", "12,345 pictures"]);
});
