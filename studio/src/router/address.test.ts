import { expect, test } from "vitest";

import { href, parse } from "./address";

test("the bare addresses are the first page", () => {
  for (const path of ["/", "/studio", "/studio/"]) expect(parse(path, "").page).toBe("");
});

test("an id comes back as it went in, whatever is in it", () => {
  for (const id of ["img_1", "a b", "50%", "ü/ö?#", "a+b", "<b>"]) {
    const address = href("segment", [id]);
    const { pathname, search } = new URL(address, "http://here");
    expect(parse(pathname, search)).toMatchObject({ page: "segment", rest: [id] });
  }
});

test("a query is kept and what is empty is left out", () => {
  expect(href("library", [], { q: "two cats", objects: "", similar: undefined })).toBe("/studio/library?q=two+cats");
  expect(parse("/studio/library", "?q=two+cats").query.get("q")).toBe("two cats");
});

test("an address that is no valid encoding is taken as it stands", () => {
  expect(parse("/studio/segment/%E0%A4%A", "").rest).toEqual(["%E0%A4%A"]);
});
