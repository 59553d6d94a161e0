/** Short notes at the edge of the page: that something is done, or what went wrong with something in passing. */

import { asFault } from "$/api/fault";

export interface Toast {
  id: number;
  kind: "note" | "fault";
  text: string;
  advice: string;
}

const SECONDS = { note: 5, fault: 12 };

class Toasts {
  all = $state<Toast[]>([]);

  #next = 1;

  /** Says that something is done. */
  tell(text: string): void {
    this.#add("note", text, "");
  }

  /** Says what went wrong and what to do about it; what the user broke off is no fault. */
  tellFault(error: unknown): void {
    if (error instanceof DOMException && error.name === "AbortError") return;
    const fault = asFault(error);
    this.#add("fault", fault.message, fault.advice);
  }

  dismiss(id: number): void {
    this.all = this.all.filter((toast) => toast.id !== id);
  }

  #add(kind: Toast["kind"], text: string, advice: string): void {
    const id = this.#next++;
    // The same words again are one note that stays longer.
    this.all = [...this.all.filter((toast) => toast.text !== text), { id, kind, text, advice }].slice(-4);
    setTimeout(() => this.dismiss(id), SECONDS[kind] * 1000);
  }
}

export const toasts = new Toasts();
