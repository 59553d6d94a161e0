/** Which tile shows which picture: tiles are made once and, scrolled out of sight, show another one. */

/** Of a slot that shows nothing. */
export const FREE = -1;

/** What each slot shows next, of those from ``first`` up to ``last``, and of ``kept`` wherever it is: a tile that has
 * the focus would lose it. A slot goes on with what it shows while that is wanted; there are only more slots when no
 * other is free. */
export function assign(slots: readonly number[], first: number, last: number, kept = FREE): number[] {
  const wanted = (index: number): boolean => index === kept || (index >= first && index < last);
  const next = slots.map((index) => (wanted(index) ? index : FREE));
  const shown = new Set(next);
  let slot = 0;
  const take = (index: number): void => {
    if (index === FREE || shown.has(index)) return;
    while (slot < next.length && next[slot] !== FREE) slot++;
    next[slot] = index;
  };
  for (let index = first; index < last; index++) take(index);
  take(kept >= first && kept < last ? FREE : kept);
  return next;
}

/** Puts elements into the order of their numbers, free ones last. The one that has the focus is not moved: it would
 * lose it. */
export function arrange(list: Element, numberOf: (element: Element) => number): void {
  const place = (element: Element): number => (numberOf(element) === FREE ? Infinity : numberOf(element));
  let after: Element | null = null;
  for (const element of [...list.children].sort((a, b) => place(b) - place(a) || 0)) {
    if (element.nextElementSibling !== after && !element.contains(document.activeElement))
      list.insertBefore(element, after);
    after = element;
  }
}
