/** Metrics in Prometheus's text format, as far as this page draws them. */

export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** The samples of a text; lines that are none are passed over. */
export function parse(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!found) continue;
    const [, name = "", labels = "", value = ""] = found;
    samples.push({ name, labels: labelsOf(labels), value: numberOf(value) });
  }
  return samples;
}

/** What a server had counted at a moment, in milliseconds since 1970. */
export interface Scrape {
  at: number;
  /** Requests by the upper bounds (seconds) of the times that they took at most. */
  buckets: ReadonlyMap<number, number>;
  requests: number;
  failed: number;
  cpuSeconds: number;
  memoryBytes: number;
  queued: number;
  running: number;
  diskFree: number;
  diskSize: number;
  models: readonly { name: string; bytes: number }[];
}

const TIMES = "imagequarry_http_request_seconds";

export function scrapeOf(samples: readonly Sample[], at: number): Scrape {
  const sum = (name: string, takes: (labels: Sample["labels"]) => boolean = () => true): number =>
    samples.reduce((all, one) => (one.name === name && takes(one.labels) ? all + one.value : all), 0);
  const buckets = new Map<number, number>();
  for (const { name, labels, value } of samples)
    if (name === `${TIMES}_bucket` && isWork(labels)) {
      const bound = numberOf(labels.le ?? "");
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
  return {
    at,
    buckets: new Map([...buckets].sort(([one], [other]) => one - other)),
    requests: sum(`${TIMES}_count`, isWork),
    failed: sum(`${TIMES}_count`, (labels) => isWork(labels) && labels.status === "5xx"),
    cpuSeconds: sum("process_cpu_seconds_total"),
    memoryBytes: sum("process_resident_memory_bytes"),
    queued: sum("imagequarry_jobs_open", (labels) => labels.state === "queued"),
    running: sum("imagequarry_jobs_open", (labels) => labels.state === "running"),
    diskFree: sum("imagequarry_disk_free_bytes"),
    diskSize: sum("imagequarry_disk_size_bytes"),
    models: samples
      .filter(({ name }) => name === "imagequarry_model_memory_bytes")
      .map(({ labels, value }) => ({ name: labels.model ?? "", bytes: value })),
  };
}

/** Whether a request is work: who watches a server, as this page does, should not see himself. */
function isWork({ route = "" }: Sample["labels"]): boolean {
  return !/^(\/api\/v1)?\/health(\/|$)/.test(route) && route !== "unmatched";
}

function labelsOf(text: string): Record<string, string> {
  const pairs = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g);
  return Object.fromEntries([...pairs].map(([, name = "", value = ""]) => [name, value.replace(/\\(.)/g, unescaped)]));
}

function unescaped(_: string, letter: string): string {
  return letter === "n" ? "\n" : letter;
}

function numberOf(text: string): number {
  return text === "+Inf" ? Infinity : Number(text);
}
