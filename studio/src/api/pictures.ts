/** Pictures that were fetched with a key, as addresses a page can show: the newest are kept, the oldest let go. */

import { bytesOf } from "./client";

// Of small pictures some 10 MB; one that is shown stays shown when its address is let go.
const MOST = 500;

const kept = new Map<string, string>();

/** The address of a picture that was fetched already. */
export function keptPicture(path: string): string | undefined {
  const url = kept.get(path);
  if (url === undefined) return undefined;
  kept.delete(path);
  kept.set(path, url);
  return url;
}

/** Fetches a picture; its address. */
export async function fetchedPicture(path: string, signal: AbortSignal): Promise<string> {
  const url = URL.createObjectURL(await bytesOf(path, signal));
  kept.set(path, url);
  for (const [oldest, address] of kept) {
    if (kept.size <= MOST) break;
    kept.delete(oldest);
    URL.revokeObjectURL(address);
  }
  return url;
}
