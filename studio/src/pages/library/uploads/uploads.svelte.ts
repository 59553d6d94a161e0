/** Files on their way into the library: two at a time, each described before the next one goes. */

import { answer, api, asForm, filePart } from "$/api/client";
import { asFault, type Fault } from "$/api/fault";

import { anotherName } from "./names";

export interface Upload {
  id: number;
  file: File;
  name: string;
  state: "waiting" | "sending" | "done" | "exists" | "failed";
  /** The picture's id, once it is there. */
  image: string;
  fault: Fault | undefined;
}

const AT_ONCE = 2;

class Uploads {
  all = $state<Upload[]>([]);
  /** Grows with every picture that came in. */
  news = $state(0);

  #next = 1;
  #sending = 0;

  get waiting(): number {
    return this.all.filter(({ state }) => state === "waiting" || state === "sending").length;
  }

  get done(): number {
    return this.all.filter(({ state }) => state === "done").length;
  }

  add(files: Iterable<File>): void {
    for (const file of files) {
      const name = file.name || "picture";
      this.all.push({ id: this.#next++, file, name, state: "waiting", image: "", fault: undefined });
    }
    this.#go();
  }

  /** Sends one again: in the place of the file of that name, or under another name. */
  again(upload: Upload, how: "retry" | "replace" | "rename"): void {
    if (how === "rename") upload.name = anotherName(upload.name);
    upload.state = "waiting";
    upload.fault = undefined;
    this.#go(how === "replace" ? upload : undefined);
  }

  /** Takes from the list what is over; what waits goes on. */
  clear(): void {
    this.all = this.all.filter(({ state }) => state === "waiting" || state === "sending");
  }

  #go(replaced?: Upload): void {
    if (replaced) void this.#send(replaced, true);
    while (this.#sending < AT_ONCE) {
      const next = this.all.find(({ state }) => state === "waiting");
      if (!next) return;
      void this.#send(next, false);
    }
  }

  async #send(upload: Upload, overwrite: boolean): Promise<void> {
    upload.state = "sending";
    this.#sending += 1;
    try {
      const file = new File([upload.file], upload.name, { type: upload.file.type });
      const body = { file: filePart(file), process_immediately: true, overwrite, upload_dir: "uploads" };
      const taken = await answer(api.POST("/api/v1/images/upload", { body, bodySerializer: asForm }));
      upload.image = taken.image_id;
      upload.state = "done";
      this.news += 1;
    } catch (error) {
      upload.fault = asFault(error);
      upload.state = upload.fault.status === 409 ? "exists" : "failed";
    } finally {
      this.#sending -= 1;
      this.#go();
    }
  }
}

export const uploads = new Uploads();
