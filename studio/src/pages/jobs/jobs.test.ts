import { expect, test } from "vitest";

import { after, ago, heardOf, span, stateOf, title, worked, type Told } from "./jobs";

function told(event: Told["event"], more: Partial<Told> = {}): Told {
  return {
    task_id: "1",
    event,
    progress: 0,
    message: "",
    kind: "segment-box",
    data: {},
    seq: 1,
    timestamp: "2026-01-01T12:00:00.000000",
    ...more,
  };
}

test("a job goes through its events", () => {
  let job = heardOf(told("queued"));
  expect(stateOf(job)).toBe("pending");
  job = after(job, told("started", { timestamp: "2026-01-01T12:00:05.000000" }));
  job = after(job, told("progress", { progress: 42.5, message: "17 of 40 files" }));
  expect(job).toMatchObject({ status: "running", progress: 0.425, message: "17 of 40 files" });
  job = after(job, told("completed", { timestamp: "2026-01-01T12:00:08.000000" }));
  expect([stateOf(job), job.progress, worked(job, 0)]).toEqual(["completed", 1, 3000]);
});

test("what was cancelled is told from what failed", () => {
  const job = heardOf(told("started"));
  const failed = after(job, told("failed", { message: "Too large.", data: { code: "OUT_OF_MEMORY" } }));
  expect([stateOf(failed), failed.error, failed.error_code]).toEqual(["failed", "Too large.", "OUT_OF_MEMORY"]);
  expect(stateOf(after(job, told("cancelled")))).toBe("cancelled");
});

test("times are UTC, whether they say so or not", () => {
  expect(heardOf(told("queued")).created_at).toBe("2026-01-01T12:00:00.000000Z");
  expect(ago("2026-01-01T12:00:00Z", Date.parse("2026-01-01T12:05:40Z"))).toBe("5 min ago");
  expect(ago("2026-01-01T12:00:00Z", Date.parse("2026-01-01T12:00:02Z"))).toBe("just now");
});

test.each([
  [400, "0.4 s"],
  [12_300, "12 s"],
  [185_000, "3 min 5 s"],
  [7_800_000, "2 h 10 min"],
  [200 * 3_600_000, "8 days"],
])("%i ms are %s", (milliseconds, words) => {
  expect(span(milliseconds)).toBe(words);
});

test("an unknown kind keeps its name", () => {
  expect([title("make-model"), title("toString-like")]).toEqual(["Make a 3D model", "toString-like"]);
});
