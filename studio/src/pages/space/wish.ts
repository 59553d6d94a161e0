/** How models are to be made: what the form says, and what is sent. */

export type Quality = "draft" | "standard" | "high";

/** The fields of the server's forms; what is left out is left to it. */
export interface Wish {
  model_type?: string;
  quality: Quality;
  texture_enabled: boolean;
  face_limit?: number;
}

/** What stands in the form: the maker's name, and the number of faces as it was typed. */
export interface Draft {
  maker: string;
  quality: Quality;
  texture: boolean;
  faces: string;
}

export const QUALITIES: readonly { value: Quality; label: string; hint: string }[] = [
  { value: "draft", label: "Draft", hint: "quick and coarse" },
  { value: "standard", label: "Standard", hint: "right for most" },
  { value: "high", label: "High", hint: "finest, and slowest" },
];

export const [FEWEST_FACES, MOST_FACES] = [12, 500_000];

export function blank(): Draft {
  return { maker: "", quality: "standard", texture: true, faces: "" };
}

/** What is wrong with the number of faces, in a sentence; empty where nothing is. */
export function faultIn({ faces }: Draft): string {
  const typed = faces.trim();
  if (!typed) return "";
  const count = Number(typed);
  if (Number.isInteger(count) && count >= FEWEST_FACES && count <= MOST_FACES) return "";
  return `A whole number from ${FEWEST_FACES} to ${MOST_FACES.toLocaleString("en")}, or nothing.`;
}

export function wishOf(draft: Draft): Wish {
  const faces = draft.faces.trim();
  return {
    ...(draft.maker && { model_type: draft.maker }),
    quality: draft.quality,
    texture_enabled: draft.texture,
    ...(faces && { face_limit: Number(faces) }),
  };
}
