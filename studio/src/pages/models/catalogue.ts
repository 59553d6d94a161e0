/** The server's models in the order and in the words in which people look for them. */

import type { components } from "$/api/schema";

export type Model = components["schemas"]["ModelInfo"];

export interface Task {
  name: string;
  title: string;
  /** What the models of the task do, as a sentence. */
  what: string;
}

const TASKS: readonly Task[] = [
  {
    name: "segment",
    title: "Segmenting",
    what: "Cut things out of pictures by clicks and boxes, or everything at once.",
  },
  { name: "segment-by-words", title: "Segmenting by words", what: "Find in a picture what a word says." },
  { name: "caption", title: "Captions", what: "Say in a sentence what a picture shows." },
  { name: "objects", title: "Objects", what: "Name the things in a picture." },
  { name: "image-vectors", title: "Looks", what: "Find pictures that look alike, and pictures by words." },
  { name: "text-vectors", title: "Meaning", what: "Find pictures whose captions mean what you search for." },
  { name: "mesh", title: "3D", what: "Make models in space of what pictures show." },
];

export interface Group {
  task: Task;
  models: Model[];
}

/** The models by task; a task that this page has never heard of comes last, under its own name. */
export function groups(models: readonly Model[]): Group[] {
  const known = new Set(TASKS.map((task) => task.name));
  const strange = [...new Set(models.map((model) => model.task))]
    .filter((name) => !known.has(name))
    .map((name) => ({ name, title: name, what: "" }));
  return [...TASKS, ...strange]
    .map((task) => ({ task, models: models.filter((model) => model.task === task.name) }))
    .filter((group) => group.models.length > 0);
}

/** How a model stands, in a few words; ``missing`` is what a service lacks to be asked. */
export function standing(model: Model, missing = ""): string {
  if (model.loaded) return model.memory_usage_mb >= 1 ? `In memory, ${size(model.memory_usage_mb)}` : "In memory";
  if (model.family === "remote") return missing ? "A service, not set up" : "A service, set up";
  if (!model.pullable) return "Built in";
  return model.cached ? "On this machine" : `${size(model.size_mb)} to pull`;
}

/** Whether it can be used as it stands. */
export function isReady(model: Model): boolean {
  return model.cached || model.loaded;
}

/** Of one task's models, the best first: the smallest that would be preferred to the one in use, were its weights here. */
export function better(models: readonly Model[], inUse: string | undefined): Model | undefined {
  const at = models.findIndex((model) => model.name === inUse);
  return models
    .slice(0, Math.max(at, 0))
    .filter((model) => model.pullable && !model.cached)
    .sort((one, other) => one.size_mb - other.size_mb)[0];
}

/** Megabytes for people. */
export function size(megabytes: number): string {
  if (megabytes >= 1000) return `${(megabytes / 1000).toFixed(1)} GB`;
  return `${megabytes < 10 ? Math.round(megabytes * 10) / 10 : Math.round(megabytes)} MB`;
}
