/** The key that this server may ask for: where it is kept, and asking for it when a request was refused without. */

const NAME = "image-quarry-key";

class KeyRing {
  /** The key in use; empty without one. */
  value = $state(stored());
  /** Whether somebody waits for one. */
  asking = $state(false);
  /** Whether the one in use was refused. */
  refused = $state(false);

  #answer: ((given: boolean) => void) | undefined;
  #asked: Promise<boolean> | undefined;

  /** Asks whoever sits here; true when a key was given. All who ask at once wait for the same answer. */
  ask(): Promise<boolean> {
    this.#asked ??= new Promise((answer) => {
      this.refused = this.value !== "";
      this.#answer = answer;
      this.asking = true;
    });
    return this.#asked;
  }

  /** Takes a key for this tab or, with consent, for this browser. */
  give(key: string, remember: boolean): void {
    this.forget();
    this.value = key;
    keep(remember ? localStorage : sessionStorage, key);
    this.#close(true);
  }

  /** The question was put aside. */
  decline(): void {
    this.#close(false);
  }

  /** Throws the key away, wherever it was kept. */
  forget(): void {
    this.value = "";
    keep(localStorage, "");
    keep(sessionStorage, "");
  }

  #close(given: boolean): void {
    this.asking = false;
    this.#answer?.(given);
    this.#answer = undefined;
    this.#asked = undefined;
  }
}

export const keys = new KeyRing();

function stored(): string {
  try {
    return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}

function keep(storage: Storage, key: string): void {
  try {
    if (key) storage.setItem(NAME, key);
    else storage.removeItem(NAME);
  } catch {
    // A browser that stores nothing asks again after a reload; the key holds until then.
  }
}
