/** Where the picture lies on the screen: zooming and moving as plain arithmetic. */

export interface View {
  /** Pixels of the screen for a pixel of the picture. */
  scale: number;
  /** Where the picture's corner is, in pixels of the screen. */
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

const CLOSEST = 32;
/** So much of the window always shows picture. */
const KEPT = 48;

/** The whole picture in the middle of the window. */
export function fitted(picture: Size, window: Size, margin = 16): View {
  const room = { width: Math.max(window.width - 2 * margin, 1), height: Math.max(window.height - 2 * margin, 1) };
  const scale = Math.min(room.width / picture.width, room.height / picture.height, CLOSEST);
  return { scale, x: (window.width - picture.width * scale) / 2, y: (window.height - picture.height * scale) / 2 };
}

/** Zoomed by a factor while what is at (x, y) of the screen stays there. */
export function zoomed(view: View, factor: number, x: number, y: number, picture: Size, window: Size): View {
  const least = Math.min(fitted(picture, window).scale, 1) / 2;
  const scale = Math.min(Math.max(view.scale * factor, least), CLOSEST);
  const by = scale / view.scale;
  return held({ scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by }, picture, window);
}

export function moved(view: View, dx: number, dy: number, picture: Size, window: Size): View {
  return held({ ...view, x: view.x + dx, y: view.y + dy }, picture, window);
}

/** The pixel of the picture at (x, y) of the screen, or undefined beside it. */
export function pixelAt(view: View, x: number, y: number, picture: Size): { x: number; y: number } | undefined {
  const pixel = { x: Math.floor((x - view.x) / view.scale), y: Math.floor((y - view.y) / view.scale) };
  const inside = pixel.x >= 0 && pixel.y >= 0 && pixel.x < picture.width && pixel.y < picture.height;
  return inside ? pixel : undefined;
}

function held(view: View, picture: Size, window: Size): View {
  const within = (value: number, extent: number, room: number): number =>
    Math.min(Math.max(value, Math.min(KEPT - extent, room - KEPT)), Math.max(room - KEPT, KEPT - extent));
  return {
    scale: view.scale,
    x: within(view.x, picture.width * view.scale, window.width),
    y: within(view.y, picture.height * view.scale, window.height),
  };
}
