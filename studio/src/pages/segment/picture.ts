/** A picture as the screen shows it: itself, and halves of it for when it is seen from afar. */

import type { View } from "./view";

/** From so many pixels of the screen for one of the picture on, its pixels are shown as squares. */
const SQUARES = 3;

export class Picture {
  readonly width: number;
  readonly height: number;
  /**
   * Itself, half of it, a quarter and so on. They are elements, so that zooming and moving paint nothing: the browser
   * only puts what it has already at another place.
   */
  readonly levels: readonly [HTMLCanvasElement, ...HTMLCanvasElement[]];

  private constructor(levels: [HTMLCanvasElement, ...HTMLCanvasElement[]]) {
    this.levels = levels;
    this.width = levels[0].width;
    this.height = levels[0].height;
  }

  /** Decodes a file, upright. Throws where the browser cannot read its format. */
  static async of(file: Blob): Promise<Picture> {
    let last = await createImageBitmap(file, { imageOrientation: "from-image" });
    const bitmaps: [ImageBitmap, ...ImageBitmap[]] = [last];
    while (Math.max(last.width, last.height) > 1024) {
      const size = { resizeWidth: Math.ceil(last.width / 2), resizeHeight: Math.ceil(last.height / 2) };
      last = await createImageBitmap(last, { ...size, resizeQuality: "medium" });
      bitmaps.push(last);
    }
    const [whole, ...halves] = bitmaps;
    return new Picture([shown(whole), ...halves.map(shown)]);
  }

  /** Shows the smallest copy that is no smaller than it appears, where the view has it. */
  place(view: View): void {
    const deep = Math.floor(Math.log2(1 / view.scale) + 1e-6);
    const best = Math.min(Math.max(deep, 0), this.levels.length - 1);
    this.levels.forEach((level, index) => {
      level.hidden = index !== best;
      if (index !== best) return;
      const unit = view.scale / devicePixelRatio;
      const [across, down] = [(unit * this.width) / level.width, (unit * this.height) / level.height];
      level.style.transform = `matrix(${across}, 0, 0, ${down}, ${view.x / devicePixelRatio}, ${view.y / devicePixelRatio})`;
      level.style.imageRendering = view.scale < SQUARES ? "" : "pixelated";
    });
  }

  /** Gives its memory back. */
  close(): void {
    for (const level of this.levels) {
      level.remove();
      level.width = level.height = 0;
    }
  }
}

/** A bitmap as an element; the bitmap is used up. */
export function shown(bitmap: ImageBitmap): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("bitmaprenderer")?.transferFromImageBitmap(bitmap);
  return canvas;
}
