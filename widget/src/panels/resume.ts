// Coming back: by the browser's Back and Forward, after a reload, and once something was done that changed what was
// seen before.

import type { Frame } from "../frame";
import type { Found } from "../shapes";
import { listOrders, offerOrders } from "./signed";

const LASTING = /^(find|or|back)/; // what may be come back to after something was done

/** Show what the page's history says, a view as it was left where it is still there. */
export async function comeBack(frame: Frame): Promise<void> {
  const { trail, session } = frame;
  const [depth, place, number] = trail.read();
  if (depth === trail.at) return;
  frame.drop(); // an answer that is on its way belongs to the view that was left
  const step = depth < trail.at ? -1 : 1;
  const stop = trail.stops[depth];
  trail.at = depth;
  trail.place = place;
  // A view that was asked away from, by a question for a code, is shown already.
  if (stop === null || stop?.view === frame.node.firstChild) return history.go(step);
  if (!stop) return restore(frame, place, number, true);
  session.found = stop.found;
  session.token = stop.found ? stop.found.token : "";
  frame.show(stop.view);
}

/** Something was done for good: its steps are not to come back to, and what led to it is asked for anew. */
export function settle({ trail }: Frame): void {
  const { stops, at } = trail;
  const last = stops.map((stop, n) => n <= at && !!stop && LASTING.test(stop.place)).lastIndexOf(true);
  trail.stops = stops.map((_, n) => (n > last ? null : undefined));
}

/** Show where the shopper was before a reload, or who is signed in at the store's `address`. False for neither. */
export async function resume(frame: Frame, address: string, view: string): Promise<boolean> {
  const [, place, number] = frame.trail.read();
  const wasHere = place !== "find";
  if (address && (await offerOrders(frame, address, wasHere ? place : view, number))) return true;
  if (wasHere) await restore(frame, place, number, false);
  return wasHere;
}

// Where the order can no longer be read, it is asked for, with its number filled in.
async function restore(frame: Frame, place: string, number: string, isAsked: boolean): Promise<void> {
  const { session } = frame;
  let why = "";
  try {
    if (place === "orders" && session.orders.length) return listOrders(frame, isAsked);
    const found = place !== "find" && (await find(frame, number));
    if (found) {
      frame.enter(found);
      return await frame.go(place, isAsked);
    }
  } catch (error) {
    if (!(error instanceof frame.Failure)) throw error;
    if (error.code === "dropped") return;
    why = error.message;
  }
  await frame.search(number, why, isAsked, place);
}

async function find({ session, key, call }: Frame, number: string): Promise<Found | undefined> {
  const named = (list: Found[]) => list.filter((one) => one.order.number === number)[0];
  const known = named(session.found ? [session.found] : session.orders);
  if (known) return known;
  session.found = null;
  try {
    session.token = sessionStorage.getItem(key) ?? "";
  } catch {
    return undefined; // nothing may be stored here
  }
  return session.token ? named((await call<{ orders: Found[] }>("orders")).orders) : undefined;
}
