import { expect, test } from "vitest";

import { parse, scrapeOf } from "./exposition";
import { bytes, milliseconds, path, pointOf, quantile, roundTop, uptime } from "./figures";

function text(count: number, fast: number): string {
  const labels = 'method="GET",route="/images",status="2xx"';
  const probe = labels.replace("/images", "/api/v1/health/metrics");
  return `# HELP imagequarry_http_request_seconds Seconds.
imagequarry_http_request_seconds_bucket{le="0.1",${labels}} ${fast}
imagequarry_http_request_seconds_bucket{le="0.2",${labels}} ${count}
imagequarry_http_request_seconds_bucket{le="+Inf",${labels}} ${count}
imagequarry_http_request_seconds_count{${labels}} ${count}
imagequarry_http_request_seconds_count{${probe}} 1e6
imagequarry_jobs_open{kind="a",state="queued"} 3.0
imagequarry_jobs_open{kind="b",state="queued"} 2.0
imagequarry_model_memory_bytes{model="odd \\"name\\", {x}"} 2.097152e+06
process_cpu_seconds_total ${count / 10}
`;
}

const before = scrapeOf(parse(text(0, 0)), 1_000);
const now = scrapeOf(parse(text(20, 10)), 6_000);

test("metrics are read, with names that need care, and who watches is not counted", () => {
  expect(now).toMatchObject({ requests: 20, queued: 5, running: 0 });
  expect(now.models).toEqual([{ name: 'odd "name", {x}', bytes: 2 ** 21 }]);
  expect(scrapeOf(parse("<html>nothing of the kind</html>"), 0).requests).toBe(0);
});

test("what happened between two looks is told", () => {
  const point = pointOf(now, before);
  expect(point).toMatchObject({ requests: 4, cpu: 40, queued: 5 });
  expect(point.half).toBeCloseTo(100);
  expect(point.most).toBeCloseTo(190);
  expect(quantile(now, now, 0.5)).toBeUndefined();
});

test("a first look, and one at a server that was started anew, know no rates", () => {
  expect(pointOf(now, undefined).requests).toBeUndefined();
  expect(pointOf(before, now)).toMatchObject({ requests: undefined, most: undefined });
});

test("a line is broken where nothing is known", () => {
  expect(path([0, 5, undefined, 10], 10, 30, 10)).toBe("M0.0,10.0h0L10.0,5.0M30.0,0.0h0");
});

test("figures are said for people", () => {
  expect([0, 3, 47, 100].map(roundTop)).toEqual([1, 5, 50, 100]);
  expect([512, 1.5 * 2 ** 20, 300 * 2 ** 20].map(bytes)).toEqual(["512 B", "1.5 MB", "300 MB"]);
  expect([2.345, 45.6, 1234].map(milliseconds)).toEqual(["2.3 ms", "46 ms", "1.2 s"]);
  expect([20, 3700, 90_000].map(uptime)).toEqual(["less than a minute", "1 h 1 min", "1 day 1 h"]);
});
