import { expect, test } from "vitest";

import { after, hasEnded, inWords, isLast, read, standingOf, summary, type Told } from "./standing";

const file = (status: "pending" | "processing" | "completed" | "failed", progress: number, filename = "a.png") => ({
  status,
  progress,
  filename,
});
const single = standingOf({ overall_progress: 0, files: { one: file("pending", 0) } });
const batch = standingOf({
  overall_progress: 50,
  files: { one: file("completed", 100), two: file("pending", 0, "b.png") },
});

test("the only file of a single job goes with the job", () => {
  const half = after(single, { type: "progress", status: "processing", progress: 50, message: "half way" });
  expect(half.files[0]).toMatchObject({ status: "processing", progress: 0.5, message: "half way", name: "a.png" });
  expect(half.progress).toBe(0.5);
  const logged = after(half, { type: "log", message: "Laying the picture on it." });
  expect(logged.files[0]).toMatchObject({ status: "processing", progress: 0.5, message: "Laying the picture on it." });
  const done = after(logged, { type: "completed", status: "completed", progress: 100 });
  expect(done.files[0]).toMatchObject({ status: "completed", progress: 1 });
  expect(summary(done.files)).toBe("The model is ready.");
  const failed = after(half, { type: "error", status: "failed" });
  expect(failed.files[0]?.status).toBe("failed");
  expect(summary(failed.files)).toBe("No model could be made.");
});

test("the files of a batch are those of its last event, and keep what was said of them", () => {
  const said = after(batch, { type: "log", message: "Found the subject.", file_id: "two" });
  expect(said.files.map(({ message }) => message)).toEqual(["", "Found the subject."]);
  const files = { one: file("completed", 100), two: file("failed", 20, "b.png") };
  const end: Told = { type: "completed", status: "completed", progress: 100, files };
  expect(isLast(end)).toBe(true);
  const ended = after(said, end);
  expect(ended.files.map(({ status }) => status)).toEqual(["completed", "failed"]);
  expect(ended.files[1]?.message).toBe("Found the subject.");
  expect(ended.files.every(hasEnded)).toBe(true);
  expect(summary(ended.files)).toBe("1 of 2 models is ready; 1 failed.");
});

test("a job that was deleted is known to be gone, and its files stand as they stood", () => {
  const gone = after(batch, { type: "error", status: "failed", code: "NOT_FOUND" });
  expect(gone.deleted).toBe(true);
  expect(gone.files).toEqual(batch.files);
});

test("what is no event is none", () => {
  for (const data of ["", "{", "null", "3", "{}"]) expect(read(data)).toBeUndefined();
  expect(read('{"type":"log"}')).toEqual({ type: "log" });
});

test("how a file stands is said in words", () => {
  const [, two] = batch.files;
  expect(two && inWords(two)).toBe("Waits for its turn");
  expect(two && inWords({ ...two, status: "processing", progress: 0.333 })).toBe("Being made, 33 %");
});
