/** What has been selected in a picture, as values that never change; and how it outlasts a reload. */

import { Mask, type Box, type Rle } from "./mask";
import type { Candidate, Point } from "./server";

/** What is being selected: the clicks and the box so far, and what they may mean. */
export interface Draft {
  points: readonly Point[];
  box: Box | undefined;
  candidates: readonly Candidate[];
  chosen: number;
}

/** A mask that was kept. */
export interface Kept {
  key: number;
  mask: Mask;
  score: number;
  colour: string;
  /** 0 to 1. */
  opacity: number;
  visible: boolean;
}

export interface Selection {
  draft: Draft | undefined;
  kept: readonly Kept[];
}

export const NOTHING: Selection = { draft: undefined, kept: [] };

/** Colours that tell masks apart, also for most people who see colours otherwise. */
export const COLOURS = [
  "#ff7a45",
  "#3fa7ff",
  "#37c871",
  "#c77dff",
  "#ffc53d",
  "#ff5fa2",
  "#2ed3c6",
  "#9aa5ff",
] as const;

/** The colour that the next mask to be kept will have. */
export function nextColour(kept: readonly Kept[]): string {
  return colourOf(Math.max(0, ...kept.map(({ key }) => key)));
}

export function colourOf(number: number): string {
  return COLOURS[number % COLOURS.length] ?? COLOURS[0];
}

/** Two masks that agree in so much are the same to whoever looks. */
const SAME = 0.9;

/**
 * The candidates that a model gave, and which one to show first: what was seen under the pointer, if any, so that nothing
 * jumps. Where the model has nothing like it, that is one more candidate.
 */
export function offered(
  candidates: readonly Candidate[],
  seen: Candidate | undefined,
): Pick<Draft, "candidates" | "chosen"> {
  const distinct = candidates.filter(
    ({ mask }, index) => !candidates.slice(0, index).some((before) => before.mask.likeness(mask) > 0.99),
  );
  if (!seen) return { candidates: distinct, chosen: 0 };
  const likeness = distinct.map(({ mask }) => mask.likeness(seen.mask));
  const nearest = likeness.indexOf(Math.max(...likeness));
  if ((likeness[nearest] ?? 0) >= SAME) return { candidates: distinct, chosen: nearest };
  return { candidates: [seen, ...distinct], chosen: 0 };
}

/** The mask that the draft shows now. */
export function shown(draft: Draft | undefined): Candidate | undefined {
  return draft?.candidates[draft.chosen];
}

/** The draft among the kept masks. */
export function keeping(selection: Selection): Selection {
  const candidate = shown(selection.draft);
  return candidate ? { draft: undefined, kept: withMasks(selection.kept, [candidate]) } : selection;
}

/** Kept masks and these, but for those that are kept already. */
export function withMasks(kept: readonly Kept[], more: readonly Candidate[]): readonly Kept[] {
  const all = [...kept];
  let key = Math.max(0, ...kept.map((mask) => mask.key));
  for (const { mask, score } of more) {
    if (all.some((other) => other.mask === mask || other.mask.likeness(mask) > 0.99)) continue;
    key += 1;
    all.push({ key, mask, score, colour: colourOf(key - 1), opacity: 0.6, visible: true });
  }
  return all;
}

/** As text, for the browser to hold. */
export function written({ draft, kept }: Selection): string {
  const plain = ({ mask, score }: Candidate): object => ({ rle: mask.rle(), score });
  return JSON.stringify({
    draft: draft && { ...draft, candidates: draft.candidates.map(plain) },
    kept: kept.map((mask) => ({ ...mask, mask: mask.mask.rle() })),
  });
}

/** What was written; nothing where it was damaged or is of another picture. */
export function read(text: string | null, width: number, height: number): Selection {
  if (!text) return NOTHING;
  const mask = (rle: Rle): Mask => {
    if (rle.size[0] !== height || rle.size[1] !== width) throw new Error("The mask is of another picture.");
    return Mask.of(rle);
  };
  try {
    const { draft, kept } = JSON.parse(text);
    return {
      draft: draft && {
        ...draft,
        candidates: draft.candidates.map((one: { rle: Rle; score: number }) => ({
          mask: mask(one.rle),
          score: one.score,
        })),
      },
      kept: kept.map((one: Omit<Kept, "mask"> & { mask: Rle }) => ({ ...one, mask: mask(one.mask) })),
    };
  } catch {
    return NOTHING;
  }
}
