import { expect, test } from "vitest";

import { blank, faultIn, wishOf } from "./wish";

test("what nobody chose is left to the server", () => {
  expect(wishOf(blank())).toEqual({ quality: "standard", texture_enabled: true });
});

test("what was chosen is sent", () => {
  const draft = { maker: "relief", quality: "high", texture: false, faces: " 5000 " } as const;
  expect(faultIn(draft)).toBe("");
  expect(wishOf(draft)).toEqual({ model_type: "relief", quality: "high", texture_enabled: false, face_limit: 5000 });
});

test("a number of faces that no model can have is told at once", () => {
  for (const faces of ["11", "500001", "1.5", "many", "-20", "1e9"])
    expect(faultIn({ ...blank(), faces })).not.toBe("");
  for (const faces of ["", "  ", "12", "500000"]) expect(faultIn({ ...blank(), faces })).toBe("");
});
