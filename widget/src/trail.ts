// Where the shopper has been in a widget: each view is an entry of the page's history. panels/resume.ts comes back.

import type { Session } from "./frame";
import type { Found } from "./shapes";

/** A view and the order it is of; null is not to be come back to, undefined to be asked for anew. */
export type Stop = { view: HTMLElement; found: Found | null; place: string } | null | undefined;

/** What an entry of the history says: how many views deep it is, its place, the order's number. */
export type Entry = readonly [depth: number, place: string, number: string];

export interface Trail {
  stops: Stop[];
  /** How many views deep the shopper is. */
  at: number;
  place: string;
  read(): Entry;
  /** Make a view an entry; one that is in the trail already is come back to. `place` is where a reload leads. */
  add(view: HTMLElement, place?: string): void;
}

/** Keep the trail of a widget, under its own name in the page's history. */
export function keepTrail(mark: string, session: Session): Trail {
  const read = (): Entry => history.state?.[mark] ?? [0, "find", ""];
  const [at, place] = read();
  const trail: Trail = {
    stops: [],
    at,
    place,
    read,
    add(view, place = trail.place) {
      const { stops, at } = trail;
      const { found } = session;
      const known = stops.map((stop) => stop?.view).indexOf(view);
      trail.place = place;
      if (known >= 0) return void stops.fill(null, known + 1, at + 1);
      const to = stops[at] === undefined ? at : at + 1;
      const state = { ...history.state, [mark]: [to, place, found ? found.order.number : ""] };
      try {
        if (to > at) history.pushState(state, "");
        else if (to || found) history.replaceState(state, "");
      } catch {
        return; // Safari takes a hundred entries in half a minute; this view then has none
      }
      stops.length = trail.at = to;
      stops[to] = { view, found, place };
    },
  };
  return trail;
}
