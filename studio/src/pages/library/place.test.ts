import { expect, test } from "vitest";

import { parse } from "$/router/address";

import { addressOf, placeOf, type Place } from "./place";

function there(address: string): Place {
  const { pathname, search } = new URL(address, "http://here");
  return placeOf(parse(pathname, search));
}

test("a place comes back from its address as it went in", () => {
  const bare: Place = { query: "", objects: [], like: "", view: "pictures", threshold: 95, open: "" };
  const places: Place[] = [
    bare,
    { ...bare, query: "two cats & a <b>dog</b>", objects: ["cat", "traffic light"], open: "img/ü 1" },
    { ...bare, like: "a+b", open: "a+b" },
    { ...bare, view: "duplicates", threshold: 88 },
  ];
  for (const place of places) expect(there(addressOf(place))).toEqual(place);
  expect(addressOf(bare)).toBe("/studio/library");
});

test("a threshold that is none becomes one", () => {
  for (const [said, meant] of [
    ["abc", 95],
    ["-5", 80],
    ["1e9", 100],
    ["NaN", 95],
  ] as const)
    expect(there(`/studio/library?view=duplicates&threshold=${said}`).threshold).toBe(meant);
});
