/** Where a model is looked at from: angles and a distance, without a line of graphics. */

export interface View {
  /** Radians around the upright axis; 0 is the front, positive to its right. */
  turn: number;
  /** Radians above the horizon. */
  tilt: number;
  /** How near: 1 fits the whole model in. */
  zoom: number;
}

/** What is shown first: the front, a little from the side and from above, so that it is seen to have a depth. */
export const FIRST: View = { turn: 0.45, tilt: 0.2, zoom: 1 };

// Straight from above the upright axis would be a point, and the picture could flip.
const STEEPEST = Math.PI / 2 - 0.02;
const [FARTHEST, NEAREST] = [0.4, 8];
// What is left of the way is shortened by this factor in each second, as springs do.
const EASE = 1e-6;
const [STILL, CLOSE] = [1e-4, 1e-3];

export function turned(view: View, turn: number, tilt: number): View {
  return { ...view, turn: view.turn + turn, tilt: clamped(view.tilt + tilt, -STEEPEST, STEEPEST) };
}

export function zoomed(view: View, factor: number): View {
  return { ...view, zoom: clamped(view.zoom * factor, FARTHEST, NEAREST) };
}

/** The first view, reached without spinning round as often as the model was turned before. */
export function home(view: View): View {
  const rounds = Math.round((view.turn - FIRST.turn) / (2 * Math.PI));
  return { ...FIRST, turn: FIRST.turn + rounds * 2 * Math.PI };
}

/** On the way from one view to another, after so many seconds; the other one itself when it is as good as reached. */
export function eased(from: View, to: View, seconds: number): View {
  const left = EASE ** Math.max(seconds, 0);
  const next = {
    turn: to.turn + (from.turn - to.turn) * left,
    tilt: to.tilt + (from.tilt - to.tilt) * left,
    zoom: to.zoom + (from.zoom - to.zoom) * left,
  };
  const still = Math.abs(next.turn - to.turn) + Math.abs(next.tilt - to.tilt) < STILL;
  return still && Math.abs(next.zoom - to.zoom) < CLOSE ? to : next;
}

/** Where the eye is, as seen from the model's middle: x to the right, y up, z towards the front. */
export function eye(view: View, distance: number): [number, number, number] {
  const flat = (Math.cos(view.tilt) * distance) / view.zoom;
  return [Math.sin(view.turn) * flat, (Math.sin(view.tilt) * distance) / view.zoom, Math.cos(view.turn) * flat];
}

/** How far away a ball of that radius is seen whole, by an eye that opens so far (radians, upright) in such a window. */
export function distanceFor(radius: number, opening: number, aspect: number): number {
  const narrow = aspect < 1 ? 2 * Math.atan(Math.tan(opening / 2) * aspect) : opening;
  return radius / Math.sin(narrow / 2);
}

const SIDES = ["the front", "the front right", "the right", "the back right", "the back"];

/** The view for those who listen: "Seen from the front right, from above". */
export function inWords(view: View): string {
  const eighth = Math.round(view.turn / (Math.PI / 4));
  const place = ((eighth % 8) + 8) % 8;
  const side = place <= 4 ? SIDES[place] : SIDES[8 - place]?.replace("right", "left");
  const height = view.tilt > 0.35 ? ", from above" : view.tilt < -0.35 ? ", from below" : "";
  return `Seen from ${side}${height}.`;
}

function clamped(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
