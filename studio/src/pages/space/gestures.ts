/** Fingers, mouse, wheel and keys on a model: what they mean is told, what is done about it is not known here. */

export interface Hands {
  /** By so many radians around, and up. */
  turn(around: number, up: number): void;
  zoom(factor: number): void;
  reset(): void;
}

const KEY_STEP = Math.PI / 18;
const KEY_ZOOM = 1.25;
const WHEEL_ZOOM = 0.0015;

/** Listens to pointers and the wheel on the element, until the function that is returned is called. */
export function handle(element: HTMLElement, hands: Hands): () => void {
  const fingers = new Map<number, { x: number; y: number }>();
  const ends = new AbortController();
  const options = { signal: ends.signal };

  element.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0 && event.pointerType === "mouse") return;
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      element.setPointerCapture(event.pointerId);
    },
    options,
  );
  element.addEventListener(
    "pointermove",
    (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const width = spread(fingers);
      const [x, y] = [event.clientX - before.x, event.clientY - before.y];
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      // Half a turn for the whole width, whatever its size; two fingers share the way.
      const scale = Math.PI / Math.max(element.clientWidth, 1) / fingers.size;
      hands.turn(-x * scale, y * scale);
      if (fingers.size === 2 && width > 0) hands.zoom(spread(fingers) / width);
    },
    options,
  );
  for (const ended of ["pointerup", "pointercancel", "lostpointercapture"] as const)
    element.addEventListener(ended, (event) => fingers.delete(event.pointerId), options);
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      hands.zoom(Math.exp(-event.deltaY * lines * WHEEL_ZOOM));
    },
    { ...options, passive: false },
  );
  element.addEventListener("dblclick", () => hands.reset(), options);
  return () => ends.abort();
}

/** What a key does to the model; false where it is none of the model's keys. */
export function press(key: string, hands: Hands): boolean {
  switch (key) {
    case "ArrowLeft":
      hands.turn(-KEY_STEP, 0);
      return true;
    case "ArrowRight":
      hands.turn(KEY_STEP, 0);
      return true;
    case "ArrowUp":
      hands.turn(0, KEY_STEP);
      return true;
    case "ArrowDown":
      hands.turn(0, -KEY_STEP);
      return true;
    case "+":
    case "=":
      hands.zoom(KEY_ZOOM);
      return true;
    case "-":
    case "_":
      hands.zoom(1 / KEY_ZOOM);
      return true;
    case "0":
    case "Home":
      hands.reset();
      return true;
    default:
      return false;
  }
}

function spread(fingers: Map<number, { x: number; y: number }>): number {
  const [one, other] = [...fingers.values()];
  return one && other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
}
