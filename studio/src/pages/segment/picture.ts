/** A picture to draw: itself, and halves of it for when it is seen from afar. */

import type { View } from "./view";

export class Picture {
  readonly width: number;
  readonly height: number;
  /** Itself, half of it, a quarter and so on. */
  readonly #levels: ImageBitmap[];

  private constructor(levels: [ImageBitmap, ...ImageBitmap[]]) {
    this.#levels = levels;
    this.width = levels[0].width;
    this.height = levels[0].height;
  }

  /** Decodes a file, upright. Throws where the browser cannot read its format. */
  static async of(file: Blob): Promise<Picture> {
    const whole = await createImageBitmap(file, { imageOrientation: "from-image" });
    const levels: [ImageBitmap, ...ImageBitmap[]] = [whole];
    for (let last = whole; Math.max(last.width, last.height) > 1024;) {
      const size = { resizeWidth: Math.ceil(last.width / 2), resizeHeight: Math.ceil(last.height / 2) };
      last = await createImageBitmap(last, { ...size, resizeQuality: "medium" });
      levels.push(last);
    }
    return new Picture(levels);
  }

  /** Draws the part that the window shows, from the smallest copy that is no smaller than it appears. */
  draw(context: CanvasRenderingContext2D, view: View): void {
    const deep = Math.floor(Math.log2(1 / view.scale) + 1e-6);
    const level = this.#levels[Math.min(Math.max(deep, 0), this.#levels.length - 1)];
    if (!level) return;
    const { width, height } = context.canvas;
    const left = Math.max(-view.x / view.scale, 0);
    const top = Math.max(-view.y / view.scale, 0);
    const right = Math.min((width - view.x) / view.scale, this.width);
    const bottom = Math.min((height - view.y) / view.scale, this.height);
    if (right <= left || bottom <= top) return;
    const [across, down] = [level.width / this.width, level.height / this.height];
    context.imageSmoothingEnabled = view.scale < 3;
    context.drawImage(
      level,
      left * across,
      top * down,
      (right - left) * across,
      (bottom - top) * down,
      view.x + left * view.scale,
      view.y + top * view.scale,
      (right - left) * view.scale,
      (bottom - top) * view.scale,
    );
  }

  close(): void {
    for (const level of this.#levels) level.close();
  }
}
