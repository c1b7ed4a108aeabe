// A shopper who is signed in at the store: the store's own server vouches for them, with its cookies, at its address.

import type { Frame } from "../frame";
import type { Found } from "../shapes";

const PATIENCE = 8_000; // milliseconds; then the shopper searches as anybody does

/** Show the signed-in shopper's orders, fetched through the store: the one with this number at once, at this place.
 * False where nobody is signed in. */
export async function offerOrders(frame: Frame, url: string, place: string, number: string): Promise<boolean> {
  const { session } = frame;
  let known = session.found; // where the shopper was on this page
  if (!session.orders.length) {
    if (known) return false;
    session.orders = await ask(`${url}${url.includes("?") ? "&" : "?"}lang=${frame.tag}`);
  }
  const { orders } = session;
  if (!orders.length) return false;
  if (orders.length > 1)
    frame.foot = () => frame.press(frame.say("Your orders"), () => listOrders(frame, true), ".plain.back");
  known ??= orders.filter((one) => one.order.number === number || orders.length === 1)[0] ?? null;
  if (!known) listOrders(frame, false);
  else {
    frame.enter(known);
    await frame.go(place, false);
  }
  return true;
}

async function ask(url: string): Promise<Found[]> {
  const stop = new AbortController();
  const clock = setTimeout(() => stop.abort(), PATIENCE);
  try {
    const answer = await fetch(url, { signal: stop.signal });
    return ((await answer.json()) as { orders?: Found[] }).orders ?? [];
  } finally {
    clearTimeout(clock);
  }
}

export function listOrders(frame: Frame, isAsked: boolean): void {
  const { say, h } = frame;
  const open = (found: Found) => {
    frame.enter(found);
    return frame.go("order");
  };
  const rows = frame.session.orders.map((found) => {
    const { title = "", placed = "", cards = [] } = found.page ?? {};
    const what = [h("h3", null, cards[0]?.headline ?? title), h("p", null, title), h("p.muted", null, placed)];
    return h(
      "section.card",
      null,
      what,
      frame.press(say("Show my order"), () => open(found)),
    );
  });
  frame.show(frame.view(say("Your orders"), rows), isAsked, "orders");
}
