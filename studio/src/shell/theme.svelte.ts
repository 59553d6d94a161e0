/** Light, dark, or as the system says. */

export type Theme = "system" | "light" | "dark";

const NAME = "image-quarry-theme";
const ORDER: readonly Theme[] = ["system", "light", "dark"];

class ThemeChoice {
  value: Theme = $state(stored());

  /** Puts the choice into effect. */
  start(): void {
    this.#show();
  }

  /** The next choice in turn. */
  next(): void {
    this.value = ORDER[(ORDER.indexOf(this.value) + 1) % ORDER.length] ?? "system";
    this.#show();
    try {
      localStorage.setItem(NAME, this.value);
    } catch {
      // It holds until the page is closed.
    }
  }

  #show(): void {
    if (this.value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.value;
  }
}

export const theme = new ThemeChoice();

function stored(): Theme {
  try {
    return ORDER.find((choice) => choice === localStorage.getItem(NAME)) ?? "system";
  } catch {
    return "system";
  }
}
