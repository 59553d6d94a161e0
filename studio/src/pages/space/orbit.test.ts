import { expect, test } from "vitest";

import { distanceFor, eased, eye, FIRST, home, inWords, turned, zoomed, type View } from "./orbit";

const FRONT: View = { turn: 0, tilt: 0, zoom: 1 };

test("the front is looked at from where it faces, and turning goes round at one distance", () => {
  expect(eye(FRONT, 3)).toEqual([0, 0, 3]);
  for (const turn of [0.3, 2, -5]) expect(Math.hypot(...eye(turned(FRONT, turn, 0.4), 3))).toBeCloseTo(3);
  expect(eye(turned(FRONT, Math.PI / 2, 0), 3)[0]).toBeCloseTo(3);
});

test("nobody is turned over the top, and neither into the model nor out of sight", () => {
  expect(turned(FRONT, 0, 9).tilt).toBeLessThan(Math.PI / 2);
  expect(turned(FRONT, 0, -9).tilt).toBeGreaterThan(-Math.PI / 2);
  expect(zoomed(FRONT, 1e9).zoom).toBe(8);
  expect(zoomed(FRONT, 1e-9).zoom).toBe(0.4);
});

test("a movement comes to rest exactly where it should", () => {
  const goal = zoomed(turned(FRONT, 1, 0.5), 2);
  let view = FRONT;
  let frames = 0;
  for (; view !== goal && frames < 100; frames++) view = eased(view, goal, 1 / 60);
  expect(view).toBe(goal);
  expect(frames).toBeGreaterThan(5);
});

test("the way back does not spin", () => {
  const far = turned(FIRST, 6 * Math.PI + 0.2, 0);
  expect(Math.abs(home(far).turn - far.turn)).toBeLessThan(Math.PI);
});

test("a tall window needs more distance than a wide one", () => {
  expect(distanceFor(1, 0.6, 0.5)).toBeGreaterThan(distanceFor(1, 0.6, 2));
});

test("the view is said in words", () => {
  expect(inWords(FRONT)).toBe("Seen from the front.");
  expect(inWords(turned(FRONT, Math.PI, 0.6))).toBe("Seen from the back, from above.");
  expect(inWords(turned(FRONT, -Math.PI / 2, -0.6))).toBe("Seen from the left, from below.");
  expect(inWords(turned(FRONT, 4 * Math.PI - Math.PI / 4, 0))).toBe("Seen from the front left.");
});
