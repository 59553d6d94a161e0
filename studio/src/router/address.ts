/** Addresses of the studio: /studio/<page>/<what the page shows>?<how it shows it>. */

export interface Address {
  /** The page's name; empty for the first page. */
  page: string;
  /** What follows, decoded: for the Segment page the picture's id. */
  rest: string[];
  query: URLSearchParams;
}

const ROOT = "/studio";

export function parse(path: string, search: string): Address {
  const below = path === ROOT || path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length) : path;
  const [page = "", ...rest] = below.split("/").filter(Boolean).map(decoded);
  return { page, rest, query: new URLSearchParams(search) };
}

/** The address of a page, of something on it, and of how it is shown; what is empty is left out of the query. */
export function href(page: string, rest: string[] = [], query: Record<string, string | undefined> = {}): string {
  const path = [ROOT, page, ...rest.map(encodeURIComponent)].join("/");
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
