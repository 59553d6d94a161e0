import { expect, test } from "vitest";

import { assign, FREE } from "./slots";

const shown = (slots: number[]): number[] => slots.filter((index) => index !== FREE).sort((a, b) => a - b);
const range = (first: number, last: number): number[] => Array.from({ length: last - first }, (_, at) => first + at);

test("a slot keeps its picture while it is in sight, and takes another one after that", () => {
  const before = assign([], 0, 8);
  expect(before).toEqual(range(0, 8));
  const after = assign(before, 4, 12);
  expect(after.slice(4)).toEqual(range(4, 8));
  expect(shown(after)).toEqual(range(4, 12));
  expect(after).toHaveLength(8);
});

test("however far one scrolls, there are no more slots than fit into sight", () => {
  let slots: number[] = [];
  for (const first of [0, 4, 8, 400, 396, 0, 9_992]) {
    slots = assign(slots, first, first + 8);
    expect(shown(slots)).toEqual(range(first, first + 8));
    expect(slots).toHaveLength(8);
  }
  slots = assign(slots, 9_998, 10_000);
  expect(shown(slots)).toEqual([9_998, 9_999]);
  expect(slots).toHaveLength(8);
});

test("the slot that has the focus keeps its picture wherever it is", () => {
  const before = assign([], 0, 8, 3);
  const away = assign(before, 100, 108, 3);
  expect(away[3]).toBe(3);
  expect(shown(away)).toEqual([3, ...range(100, 108)]);
  expect(away).toHaveLength(9);
  const blurred = assign(away, 100, 108);
  expect(shown(blurred)).toEqual(range(100, 108));
  expect(assign(blurred, 104, 112)).toHaveLength(9);
});
