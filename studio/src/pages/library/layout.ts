/** Where the tiles of the grid lie: arithmetic, so that only those in sight need to exist. */

export interface Layout {
  columns: number;
  /** Width of a tile, and height of its picture. */
  side: number;
  /** From the top of one row to that of the next. */
  step: number;
  gap: number;
  /** Height of what stands below each picture. */
  foot: number;
  /** Free space at the sides and below. */
  margin: number;
  /** Free space above, enough for the frame of a tile that has the focus. */
  head: number;
}

/** From and to: rows or tiles, the last one not included. */
export interface Range {
  first: number;
  last: number;
}

// Browsers lay out no box much higher than 33 million pixels; what lies below is found by searching.
const HIGHEST = 30_000_000;

/** The grid in a window of that width; ``rem`` is the size of the page's letters in pixels, ``bar`` what a scroll bar
 * beside the window takes: it stands in the margin. */
export function layoutOf(width: number, rem: number, bar = 0): Layout {
  const narrow = width < 40 * rem;
  const margin = (narrow ? 1 : 1.5) * rem;
  const gap = (narrow ? 0.5 : 0.75) * rem;
  const least = (narrow ? 7.5 : 11) * rem;
  const room = Math.max(width - 2 * margin + Math.min(bar, margin / 2), 1);
  const columns = Math.max(Math.floor((room + gap) / (least + gap)), 2);
  const side = Math.max(Math.floor((room - (columns - 1) * gap) / columns), 1);
  const foot = 1.75 * rem;
  return { columns, side, step: side + foot + gap, gap, foot, margin, head: 0.375 * rem };
}

/** How high the grid of so many tiles is. */
export function heightOf(layout: Layout, count: number): number {
  const rows = Math.ceil(count / layout.columns);
  return Math.min(layout.head + rows * layout.step + layout.margin, HIGHEST);
}

/** The tiles in sight, and ``spare`` rows above and below: as many wherever one has scrolled to, but at the end. */
export function inSight(layout: Layout, count: number, top: number, height: number, spare = 2): Range {
  const row = Math.floor((top - layout.head) / layout.step);
  const first = Math.max(row - spare, 0) * layout.columns;
  const rows = Math.ceil(height / layout.step) + 1 + 2 * spare;
  return { first: Math.min(first, count), last: Math.min(first + rows * layout.columns, count) };
}

/** The upper left corner of a tile. */
export function cornerOf(layout: Layout, index: number): { x: number; y: number } {
  const row = Math.floor(index / layout.columns);
  const column = index - row * layout.columns;
  return { x: layout.margin + column * (layout.side + layout.gap), y: layout.head + row * layout.step };
}

/** How far the window must be scrolled so that a tile is in sight whole; ``top`` where it is already. */
export function reveal(layout: Layout, index: number, top: number, height: number): number {
  const { y } = cornerOf(layout, index);
  const bottom = y + layout.side + layout.foot;
  if (y - layout.head < top) return y - layout.head;
  return bottom + layout.margin > top + height ? bottom + layout.margin - height : top;
}

/** The tile that a key leads to from another one; undefined for a key that leads nowhere. */
export function moved(key: string, from: number, count: number, columns: number, rows: number): number | undefined {
  const to: Record<string, number> = {
    ArrowLeft: from - 1,
    ArrowRight: from + 1,
    ArrowUp: from - columns,
    ArrowDown: from + columns,
    PageUp: from - columns * rows,
    PageDown: from + columns * rows,
    Home: 0,
    End: count - 1,
  };
  const target = to[key];
  if (target === undefined || count === 0) return undefined;
  // A step past an edge stays; a page past it goes as far as there is.
  if (key.startsWith("Arrow") && (target < 0 || target >= count)) return from;
  return Math.min(Math.max(target, 0), count - 1);
}

/** The size of small picture to ask the server for, so that it fills a square of that side on this screen. */
export function sizeFor(side: number, pixelRatio: number): number {
  // The longer side is asked for, and most pictures are a third longer than they are high.
  const wanted = side * Math.min(pixelRatio, 2) * 1.33;
  return [256, 384, 512, 768].find((size) => size >= wanted * 0.9) ?? 1024;
}
