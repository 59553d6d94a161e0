import { expect, test } from "vitest";

import { fates, grouped, nameIn, samePlan, why } from "./groups";

const found = {
  success: true,
  total_images: 9,
  duplicate_groups: [
    {
      representative_id: "a",
      duplicate_ids: ["b", "c"],
      similarity_scores: [1, 0.9699],
      kinds: ["identical", "similar"],
      paths: ["/p/a.jpg", "/p/b.jpg", "/p/c.jpg"],
    },
    {
      representative_id: "d",
      duplicate_ids: ["e"],
      similarity_scores: [0.98],
      kinds: ["re-encoded"],
      paths: ["d", "e"],
    },
  ],
  total_duplicates: 3,
  check_time: 0.1,
  message: "",
};

test("beside what goes stands what stays, also where the server keeps another one than the first", () => {
  const { groups } = grouped(found);
  const ids = fates(groups, { stays: ["c"], goes: ["a", "b"] }).map(({ stays, goes }) => [
    stays.map(({ id }) => id),
    goes.map(({ id }) => id),
  ]);
  expect(ids).toEqual([[["c"], ["a", "b"]]]);
});

test("a plan that has changed is another plan", () => {
  const plan = { stays: ["a", "d"], goes: ["b", "c", "e"] };
  expect(samePlan(plan, { stays: ["d", "a"], goes: ["e", "c", "b"] })).toBe(true);
  expect(samePlan(plan, { stays: ["a", "d"], goes: ["b", "c"] })).toBe(false);
  expect(samePlan(plan, { stays: ["a", "b"], goes: ["d", "c", "e"] })).toBe(false);
});

test("why two are alike is said in words, and never rounded up", () => {
  const [group] = grouped(found).groups;
  expect(group?.slice(1).map(why)).toEqual(["The same file · 100 %", "Much alike · 96.9 %"]);
  expect(nameIn("/p/<b>.jpg")).toBe("<b>.jpg");
});
