import { expect, test } from "vitest";

import { nameIn } from "./files";

test("a name is read from the header in both of its forms", () => {
  expect(nameIn('attachment; filename="cat.glb"')).toBe("cat.glb");
  expect(nameIn("attachment; filename*=utf-8''K%C3%A4tzchen%20%281%29.obj.zip")).toBe("Kätzchen (1).obj.zip");
  expect(nameIn('attachment; filename="a\\"b.stl"')).toBe('a"b.stl');
});

test("no name leads into a folder, and without one there is none", () => {
  expect(nameIn("attachment; filename*=utf-8''..%2F..%5Cevil")).toBe(".._.._evil");
  expect(nameIn("attachment; filename*=utf-8''%E0%A4%A")).toBe("%E0%A4%A");
  expect(nameIn(null)).toBe("");
  expect(nameIn("attachment")).toBe("");
});
