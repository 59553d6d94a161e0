/** Where one is: the address bar as state. Links of the studio change it without loading a page. */

import { parse, type Address } from "./address";

class Route {
  at: Address = $state.raw(here());

  /** Follows the browser's buttons, and plain clicks on links into the studio. */
  start(): void {
    window.addEventListener("popstate", () => (this.at = here()));
    document.addEventListener("click", (event) => {
      const link = event.target instanceof Element ? event.target.closest("a") : null;
      const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
      if (!link || !plain || event.defaultPrevented || link.target || link.hash || link.hasAttribute("download"))
        return;
      if (link.origin !== location.origin || !/^\/(studio(\/|$)|$)/.test(link.pathname)) return;
      event.preventDefault();
      this.go(link.pathname + link.search);
    });
  }

  /** Goes to an address from ``href``; with ``replace`` the one before is not kept to go back to. */
  go(address: string, { replace = false }: { replace?: boolean } = {}): void {
    if (replace) history.replaceState(null, "", address);
    else if (address !== location.pathname + location.search) history.pushState(null, "", address);
    this.at = here();
  }
}

export const route = new Route();

function here(): Address {
  return parse(location.pathname, location.search);
}
