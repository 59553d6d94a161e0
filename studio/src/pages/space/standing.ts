/** How a job stands, put together from what the server says once and from what its stream tells after. */

export type Word = "pending" | "processing" | "completed" | "failed";

export interface FileState {
  /** The id of the file's own job and of its picture. */
  id: string;
  name: string;
  status: Word;
  /** 0..1 */
  progress: number;
  /** What its job said last. */
  message: string;
}

export interface Standing {
  /** 0..1 */
  progress: number;
  files: readonly FileState[];
  /** Whether the job is not there any more. */
  deleted: boolean;
}

type Files = Record<string, { status: Word; progress: number; filename: string }>;

/** An event of the stream, as far as this page reads it. */
export interface Told {
  type: "progress" | "log" | "completed" | "error";
  status?: Word;
  progress?: number;
  message?: string;
  file_id?: string;
  files?: Files;
  code?: string;
}

export function standingOf(told: { overall_progress: number; files: Files }): Standing {
  return { progress: told.overall_progress / 100, files: filesOf(told.files, []), deleted: false };
}

/** The event in a message of the stream; undefined for what is none. */
export function read(data: string): Told | undefined {
  try {
    const told: unknown = JSON.parse(data);
    return typeof told === "object" && told !== null && "type" in told ? (told as Told) : undefined;
  } catch {
    return undefined;
  }
}

export function after(before: Standing, told: Told): Standing {
  if (told.code === "NOT_FOUND" && told.type === "error") return { ...before, deleted: true };
  const alone = before.files.length === 1 ? before.files[0]?.id : undefined;
  const progress = told.progress === undefined ? before.progress : told.progress / 100;
  let files = told.files ? filesOf(told.files, before.files) : before.files;
  const about = told.file_id ?? (told.files ? undefined : alone);
  if (about)
    files = files.map((file) => {
      if (file.id !== about) return file;
      const status = told.type === "log" ? file.status : (told.status ?? file.status);
      const way = told.type === "progress" ? progress : status === "completed" ? 1 : file.progress;
      return { ...file, status, progress: way, message: told.message || file.message };
    });
  return { ...before, progress: isLast(told) ? 1 : progress, files };
}

export function isLast(told: Told): boolean {
  return told.type === "completed" || told.type === "error";
}

export function hasEnded({ status }: { status: Word }): boolean {
  return status === "completed" || status === "failed";
}

/** "Waiting", "Being made, 40 %", "Ready", "Failed". */
export function inWords(file: FileState): string {
  switch (file.status) {
    case "pending":
      return "Waits for its turn";
    case "processing":
      return `Being made, ${Math.round(file.progress * 100)} %`;
    case "completed":
      return "Ready";
    case "failed":
      return "Failed";
  }
}

/** "2 of 3 models are ready; 1 failed." */
export function summary(files: readonly FileState[]): string {
  const [only] = files;
  if (only && files.length === 1 && hasEnded(only))
    return only.status === "completed" ? "The model is ready." : "No model could be made.";
  const ready = files.filter(({ status }) => status === "completed").length;
  const failed = files.filter(({ status }) => status === "failed").length;
  const more = failed ? `; ${failed} failed` : "";
  return `${ready} of ${files.length} models ${ready === 1 ? "is" : "are"} ready${more}.`;
}

function filesOf(files: Files, before: readonly FileState[]): FileState[] {
  return Object.entries(files).map(([id, { status, progress, filename }]) => ({
    id,
    name: filename,
    status,
    progress: progress / 100,
    message: before.find((file) => file.id === id)?.message ?? "",
  }));
}
