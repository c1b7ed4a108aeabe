// A shopper who is signed in at the store: the store's own server vouches for them, with its cookies, at its address.

import type { Frame } from "../frame";
import type { Found } from "../shapes";

type Open = (found: Found, isAsked: boolean) => Promise<void>;

const PATIENCE = 8_000; // milliseconds; then the shopper searches as anybody does

/** Show the signed-in shopper's orders, fetched through the store. False where nobody is signed in. */
export async function offerOrders(frame: Frame, url: string, open: Open): Promise<boolean> {
  const { session } = frame;
  const known = session.found; // where the shopper was on this page
  if (!session.orders.length) {
    if (known) return false;
    session.orders = await ask(`${url}${url.includes("?") ? "&" : "?"}lang=${frame.tag}`);
  }
  const { orders } = session;
  if (!orders.length) return false;
  if (orders.length > 1)
    frame.foot = () => frame.press(frame.say("Your orders"), () => listOrders(frame, open, true), ".plain.back");
  if (known || orders.length === 1) await open(known ?? orders[0]!, false);
  else listOrders(frame, open, false);
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

function listOrders(frame: Frame, open: Open, isAsked: boolean): void {
  const { say, h } = frame;
  const rows = frame.session.orders.map((found) => {
    const { title = "", placed = "", cards = [] } = found.page ?? {};
    const what = [h("h3", null, cards[0]?.headline ?? title), h("p", null, title), h("p.muted", null, placed)];
    return h(
      "section.card",
      null,
      what,
      frame.press(say("Show my order"), () => open(found, true)),
    );
  });
  frame.show(frame.view(say("Your orders"), rows), isAsked);
}
