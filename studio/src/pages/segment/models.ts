/** Which model would do better than the one that answered. */

export interface ModelLine {
  name: string;
  size_mb: number;
  cached: boolean;
  family: string;
}

/** The smallest one with weights that this server lacks, where an engine without weights answered. */
export function better(models: readonly ModelLine[], answered: string): ModelLine | undefined {
  const own = models.find(({ name }) => name === answered);
  if (own?.family !== "embedded") return undefined;
  return models
    .filter(({ family, cached }) => family === "huggingface" && !cached)
    .sort((one, other) => one.size_mb - other.size_mb)[0];
}
