/** Figures of a server over time: what happened between two looks at what it counts. */

import type { Scrape } from "./exposition";

/** What is known of a moment; undefined where there was nothing to measure. */
export interface Point {
  at: number;
  requests: number | undefined;
  /** Milliseconds that half, and 95 of 100, requests took at most. */
  half: number | undefined;
  most: number | undefined;
  /** Percent of one processor. */
  cpu: number | undefined;
  memory: number;
  queued: number;
  running: number;
}

export function pointOf(now: Scrape, before: Scrape | undefined): Point {
  const { at, memoryBytes: memory, queued, running } = now;
  // A server that was started anew counts from nought.
  const seconds = before && now.requests >= before.requests ? (at - before.at) / 1000 : 0;
  const known = before && seconds > 0;
  const rate = (one: number, other: number): number => Math.max(0, one - other) / seconds;
  return {
    at,
    memory,
    queued,
    running,
    requests: known ? rate(now.requests, before.requests) : undefined,
    cpu: known ? 100 * rate(now.cpuSeconds, before.cpuSeconds) : undefined,
    half: known ? quantile(now, before, 0.5) : undefined,
    most: known ? quantile(now, before, 0.95) : undefined,
  };
}

/** The milliseconds that this share of the requests between two scrapes took at most; undefined without any. */
export function quantile(now: Scrape, before: Scrape, share: number): number | undefined {
  const between = [...now.buckets].map(([bound, count]) => [bound, count - (before.buckets.get(bound) ?? 0)] as const);
  const all = between.at(-1)?.[1] ?? 0;
  if (all <= 0) return undefined;
  const wanted = share * all;
  let [lower, below] = [0, 0];
  for (const [bound, count] of between) {
    if (count >= wanted) {
      // Beyond the last bound nothing is known but that it was longer.
      if (bound === Infinity) return lower * 1000;
      return 1000 * (lower + ((bound - lower) * (wanted - below)) / Math.max(count - below, 1e-9));
    }
    [lower, below] = [bound, count];
  }
  return undefined;
}

/** A chart's line as the parts of an SVG path, broken where nothing is known; x and y in 0..width and 0..height. */
export function path(values: readonly (number | undefined)[], top: number, width: number, height: number): string {
  const step = width / Math.max(1, values.length - 1);
  let pen = "M";
  return values
    .map((value, place) => {
      if (value === undefined) {
        pen = "M";
        return "";
      }
      const y = height - (Math.min(value, top) / (top || 1)) * height;
      // A value between unknown ones is a line of no length, which round ends make a dot.
      const part = `${pen}${(place * step).toFixed(1)},${y.toFixed(1)}${pen === "M" ? "h0" : ""}`;
      pen = "L";
      return part;
    })
    .join("");
}

/** The next round number above: the top of a chart that does not jump with every value. */
export function roundTop(value: number): number {
  if (value <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= value) ?? value;
}

export function bytes(count: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let place = 0;
  for (; count >= 1000 && place < units.length - 1; place++) count /= 1024;
  return `${count < 10 && place > 0 ? count.toFixed(1) : Math.round(count)} ${units[place]}`;
}

export function milliseconds(value: number): string {
  return value < 1000 ? `${value < 10 ? value.toFixed(1) : Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** "3 days 4 h", "12 min". */
export function uptime(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return "less than a minute";
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  if (days) return `${days} ${days === 1 ? "day" : "days"} ${hours} h`;
  return hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
