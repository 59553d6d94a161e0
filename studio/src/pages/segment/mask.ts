/**
 * A mask as COCO's run lengths: column by column, runs of outside and inside in turn, beginning outside.
 *
 * It stays that way: asking for a point is a search among the runs, and pixels are made only for what is drawn.
 */

/** COCO's compressed run lengths; size is [height, width]. */
export interface Rle {
  size: [number, number];
  counts: string;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A part of a mask as pixels, every ``step``-th of the picture: row by row, 1 inside. Its corner is at (x, y) steps. */
export interface Bitmap extends Box {
  step: number;
  data: Uint8Array;
}

export class Mask {
  readonly width: number;
  readonly height: number;
  readonly area: number;
  /** The tight box; of no size for an empty mask. */
  readonly box: Box;

  /** Where inside and outside change, in pixels from the first one. */
  readonly #edges: Uint32Array;

  constructor(width: number, height: number, edges: Uint32Array) {
    this.width = width;
    this.height = height;
    this.#edges = edges;
    let area = 0;
    let [left, top, right, bottom] = [width, height, 0, 0];
    for (const [start, end] of this.runs()) {
      area += end - start;
      const first = Math.floor(start / height);
      const last = Math.floor((end - 1) / height);
      left = Math.min(left, first);
      right = Math.max(right, last + 1);
      // A run over the end of a column holds its last pixel and the next one's first.
      top = first < last ? 0 : Math.min(top, start % height);
      bottom = first < last ? height : Math.max(bottom, ((end - 1) % height) + 1);
    }
    this.area = area;
    this.box = area
      ? { x: left, y: top, width: right - left, height: bottom - top }
      : { x: 0, y: 0, width: 0, height: 0 };
  }

  static of(rle: Rle): Mask {
    const [height, width] = rle.size;
    const edges: number[] = [];
    const counts: number[] = [];
    let position = 0;
    for (let at = 0; at < rle.counts.length;) {
      let count = 0;
      let shift = 0;
      let sign = 0;
      for (let more = true; more; shift += 5) {
        const char = rle.counts.charCodeAt(at++) - 48;
        if (!(char >= 0 && char < 64)) throw new Error("The mask’s run lengths are damaged.");
        count |= (char & 0x1f) << shift;
        more = (char & 0x20) !== 0;
        sign = char & 0x10;
      }
      if (sign) count |= -1 << shift;
      // From the fourth run on, what is written is the difference to the run two before.
      if (counts.length > 2) count += counts[counts.length - 2] ?? 0;
      counts.push(count);
      position += count;
      edges.push(position);
    }
    return new Mask(width, height, Uint32Array.from(edges));
  }

  /** Every pixel of a picture. */
  static whole(width: number, height: number): Mask {
    return new Mask(width, height, Uint32Array.of(0, width * height));
  }

  /** What is inside, as [start, end) in pixels from the first one, column by column. */
  *runs(): Generator<[number, number]> {
    const edges = this.#edges;
    for (let i = 0; i + 1 < edges.length; i += 2) {
      const [start = 0, end = 0] = [edges[i], edges[i + 1]];
      if (start < end) yield [start, end];
    }
  }

  contains(x: number, y: number): boolean {
    const { box } = this;
    if (x < box.x || y < box.y || x >= box.x + box.width || y >= box.y + box.height) return false;
    const place = x * this.height + y;
    let [low, high] = [0, this.#edges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#edges[middle] ?? 0) <= place) low = middle + 1;
      else high = middle;
    }
    return low % 2 === 1;
  }

  /** How many pixels two masks of the same picture share. */
  shared(other: Mask): number {
    let count = 0;
    const theirs = [...other.runs()];
    let at = 0;
    for (const [start, end] of this.runs()) {
      while (at < theirs.length && (theirs[at]?.[1] ?? 0) <= start) at++;
      for (let i = at; i < theirs.length; i++) {
        const [otherStart = 0, otherEnd = 0] = theirs[i] ?? [];
        if (otherStart >= end) break;
        count += Math.min(end, otherEnd) - Math.max(start, otherStart);
      }
    }
    return count;
  }

  /** Intersection over union, 0 to 1. */
  likeness(other: Mask): number {
    const shared = this.shared(other);
    return shared ? shared / (this.area + other.area - shared) : 0;
  }

  /** The pixels of any of the masks, which are of one picture. */
  static union(masks: readonly [Mask, ...Mask[]]): Mask {
    const runs = masks.flatMap((mask) => [...mask.runs()]).sort((one, other) => one[0] - other[0]);
    const edges: number[] = [];
    for (const [start, end] of runs) {
      const last = edges.at(-1);
      if (last !== undefined && start <= last) edges[edges.length - 1] = Math.max(last, end);
      else edges.push(start, end);
    }
    return new Mask(masks[0].width, masks[0].height, Uint32Array.from(edges));
  }

  /** The runs as lengths: outside, inside, outside and so on, the rest of the picture included. */
  counts(): number[] {
    const counts: number[] = [];
    let position = 0;
    for (const [start, end] of this.runs()) {
      counts.push(start - position, end - start);
      position = end;
    }
    const rest = this.width * this.height - position;
    if (rest || counts.length === 0) counts.push(rest);
    return counts;
  }

  rle(): Rle {
    const counts = this.counts();
    let text = "";
    counts.forEach((count, index) => {
      let rest = index > 2 ? count - (counts[index - 2] ?? 0) : count;
      for (let more = true; more;) {
        let char = rest & 0x1f;
        rest >>= 5;
        more = char & 0x10 ? rest !== -1 : rest !== 0;
        if (more) char |= 0x20;
        text += String.fromCharCode(char + 48);
      }
    });
    return { size: [this.height, this.width], counts: text };
  }

  /** Its box as pixels, every ``step``-th column and row of the picture. */
  bitmap(step = 1): Bitmap {
    const { box, height } = this;
    const x = Math.ceil(box.x / step);
    const y = Math.ceil(box.y / step);
    const width = Math.max(Math.ceil((box.x + box.width) / step) - x, 0);
    const rows = Math.max(Math.ceil((box.y + box.height) / step) - y, 0);
    const data = new Uint8Array(width * rows);
    for (const [start, end] of this.runs()) {
      const last = Math.floor((end - 1) / height);
      for (let column = Math.floor(start / height); column <= last; column++) {
        if (column % step) continue;
        const from = Math.ceil(Math.max(start - column * height, 0) / step) - y;
        const to = Math.ceil(Math.min(end - column * height, height) / step) - y;
        for (let place = from * width + column / step - x, row = from; row < to; row++, place += width) data[place] = 1;
      }
    }
    return { x, y, width, height: rows, step, data };
  }
}
