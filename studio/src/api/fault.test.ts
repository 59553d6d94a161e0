import { expect, test } from "vitest";

import { asFault, Fault, faultOf, unreachable } from "./fault";

function refused(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

test.each([
  [
    "A",
    { success: false, message: "Too big.", error_code: "IMAGE_VALIDATION_ERROR", details: { side: 9 } },
    "IMAGE_VALIDATION_ERROR",
  ],
  ["B", { success: false, error: "ValidationError", message: "Too big.", details: { side: 9 } }, "ValidationError"],
  ["E", { detail: { code: "FILE_TOO_LARGE", message: "Too big.", details: { side: 9 } } }, "FILE_TOO_LARGE"],
])("the message, the code and the details of surface %s are read", async (_, body, code) => {
  const fault = await faultOf(refused(413, body));
  expect(fault).toMatchObject({ message: "Too big.", code, details: { side: 9 }, status: 413 });
  expect(fault.advice).toBe("Choose a smaller file.");
});

test("the one sentence of surfaces C and D is the message", async () => {
  expect((await faultOf(refused(404, { detail: "There is no image with that id." }))).message).toBe(
    "There is no image with that id.",
  );
});

test("a reply in no surface's words still says something", async () => {
  const fault = await faultOf(new Response("<h1>Bad gateway</h1>", { status: 502 }));
  expect(fault.message).toBe("The server answered with status 502.");
  expect(fault.advice).not.toBe("");
});

test("too many requests say for how long to wait", async () => {
  const fault = await faultOf(refused(429, { detail: "Slow down." }, { "Retry-After": "37" }));
  expect(fault.retryAfter).toBe(37);
  expect(fault.advice).toBe("Too many requests in a short time: try again in 37 seconds.");
});

test("a command that the server names becomes the advice", async () => {
  const details = { command: "imagequarry models pull vit_b" };
  const fault = await faultOf(refused(503, { success: false, message: "No weights.", details }));
  expect(fault.advice).toContain("imagequarry models pull vit_b");
});

test("a missing and a wrong key ask for a key", async () => {
  expect((await faultOf(refused(401, { detail: "A key is needed." }))).wantsKey).toBe(true);
  expect((await faultOf(refused(403, { detail: "Not this one." }))).wantsKey).toBe(true);
  expect(unreachable().wantsKey).toBe(false);
});

test("whatever is thrown becomes a fault once", () => {
  const fault = unreachable();
  expect(asFault(fault)).toBe(fault);
  expect(asFault(new Error("Odd.")).message).toBe("Odd.");
  expect(asFault("odd")).toBeInstanceOf(Fault);
});
