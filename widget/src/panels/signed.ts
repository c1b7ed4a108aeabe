// A shopper who is signed in at the store: the store's own server vouches for them, with its cookies, at its address.

import type { Frame } from "../frame";
import type { Found } from "../shapes";

/** Fetch the signed-in shopper's orders through the store, and let them choose. False where nobody is signed in. */
export async function offerOrders(frame: Frame, url: string, open: (found: Found) => Promise<void>): Promise<boolean> {
  const { say, h } = frame;
  const answer = await fetch(`${url}${url.includes("?") ? "&" : "?"}lang=${frame.tag}`);
  const { orders } = (await answer.json()) as { orders?: Found[] };
  if (!orders?.length) return false;
  if (orders.length === 1) return open(orders[0]!).then(() => true);
  const rows = orders.map((found) => {
    const { title = "", placed = "", cards = [] } = found.page ?? {};
    const what = [h("h3", null, cards[0]?.headline ?? title), h("p", null, title), h("p.muted", null, placed)];
    return h(
      "section.card",
      null,
      what,
      frame.press(say("Show my order"), () => open(found)),
    );
  });
  frame.show(frame.view(say("Your orders"), rows), false);
  return true;
}
