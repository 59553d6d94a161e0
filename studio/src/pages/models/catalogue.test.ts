import { expect, test } from "vitest";

import { better, groups, size, standing, type Model } from "./catalogue";

const model = (name: string, given: Partial<Model> = {}): Model => ({
  name,
  description: "",
  size_mb: 375,
  cached: false,
  loaded: false,
  memory_usage_mb: 0,
  family: "huggingface",
  licence: "MIT",
  source: "",
  digest: null,
  task: "segment",
  pullable: true,
  ...given,
});

test("models come by task, and an unknown task comes last under its own name", () => {
  const found = groups([model("a", { task: "dream" }), model("b", { task: "mesh" }), model("c")]);
  expect(found.map((group) => group.task.title)).toEqual(["Segmenting", "3D", "dream"]);
});

test("how a model stands is said in a few words", () => {
  expect(standing(model("a"))).toBe("375 MB to pull");
  expect(standing(model("a", { cached: true }))).toBe("On this machine");
  expect(standing(model("a", { loaded: true, memory_usage_mb: 2446 }))).toBe("In memory, 2.4 GB");
  expect(standing(model("a", { pullable: false, family: "embedded", cached: true }))).toBe("Built in");
  expect(standing(model("a", { pullable: false, family: "remote" }), "set FAL_KEY")).toBe("A service, not set up");
});

test("a better model is the smallest one that is preferred and only lacks its weights", () => {
  const [group] = groups([
    model("best", { pullable: false, family: "remote" }),
    model("largest", { size_mb: 2560 }),
    model("large"),
    model("small", { cached: true }),
    model("built-in", { pullable: false, cached: true }),
  ]);
  expect(better(group!.models, "small")?.name).toBe("large");
  expect(better(group!.models, "largest")).toBeUndefined();
  expect(better(group!.models, "of another server")).toBeUndefined();
});

test("sizes are for people", () => {
  expect([0.4, 9.96, 56, 898, 2560].map(size)).toEqual(["0.4 MB", "10 MB", "56 MB", "898 MB", "2.6 GB"]);
});
