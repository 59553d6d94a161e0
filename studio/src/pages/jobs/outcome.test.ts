import { expect, test } from "vitest";

import { heardOf, type Job } from "./jobs";
import { facts, failures, file, place } from "./outcome";

function job(kind: string, more: Partial<Job> = {}): Job {
  const told = { task_id: "a/b", event: "completed" as const, progress: 100, message: "", kind, data: {}, seq: 1 };
  return { ...heardOf({ ...told, timestamp: "2026-01-01T12:00:00" }), ...more };
}

test("what was made is led to where it is shown", () => {
  expect(place(job("make-model"))?.address).toBe("/studio/3d/job/a%2Fb");
  expect(place(job("segment-box", { image_id: "7" }))?.address).toBe("/studio/segment/7");
  expect(place(job("segment-single"))).toBeUndefined();
  expect(place(job("unheard-of"))).toBeUndefined();
  expect(file(job("export-logs"))?.path).toBe("/api/v1/logs/export/export_a%2Fb/download");
});

test("figures are said, lists and structures are not", () => {
  const result = { success: true, total_files: 12000, processing_time: 1.2345, complete: false, failed_files: ["x"] };
  expect(facts(result)).toEqual([
    ["Total files", (12000).toLocaleString()],
    ["Processing time", (1.23).toLocaleString()],
    ["Complete", "no"],
  ]);
  expect(failures({ failure_reasons: { "/a.jpg": "No picture." } })).toEqual([["/a.jpg", "No picture."]]);
  expect(failures({})).toEqual([]);
});
