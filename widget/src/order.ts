// An order as its shopper sees it: each parcel a card with its newest fact on top, and what can be done.

import { h, type Child } from "./dom";
import { view } from "./form";
import type { Frame } from "./frame";
import type { Card, Found, Page } from "./shapes";

const PICTURE = { alt: "", loading: "lazy", referrerpolicy: "no-referrer" };

/** Remember an order and show it, or the view of it that has this name. */
export function openOrder(frame: Frame, found: Found, place: string, isAsked?: boolean): Promise<void> {
  if (!found.page) throw new Error("this is no order in words");
  frame.enter(found);
  return showPlace(frame, place, isAsked);
}

/** Show the order the session holds, or the view of it that has this name. */
export async function showPlace(frame: Frame, place: string, isAsked = true): Promise<void> {
  if (/back|status|return|withdraw/.test(place)) return (await frame.panels()).open(frame, place);
  if (/message|not_received/.test(place)) return (await frame.panels()).askMessage(frame, place);
  showOrder(frame, isAsked);
}

function showOrder(frame: Frame, isAsked: boolean): void {
  const { say } = frame;
  const page = frame.session.found!.page!;
  const to = (place: string) => () => showPlace(frame, place);
  const late = page.cards.filter((card) => card.promise_broken)[0];
  frame.show(
    view(
      page.title,
      h("p.muted", null, page.placed),
      page.notes.map((note) => h("p.note", null, note)),
      page.cards.map((card) => drawCard(frame, card, card === late && choices(frame, page))),
      h(
        "div.row",
        null,
        frame.press(say("Return or cancel"), to("back")),
        page.withdraw && frame.press(page.withdraw, to("withdraw")),
        frame.press(say("Write to the store"), to("message")),
      ),
      page.lists.map(({ title, lines }) => fold(title, lines)),
      h("p.muted", null, page.footnote),
      frame.foot?.(),
    ),
    isAsked,
    "order",
  );
  frame.node.firstElementChild!.className += " order";
}

function drawCard(frame: Frame, card: Card, choices: Child): HTMLElement {
  const { say } = frame;
  return h(
    `section.card.${card.tone}`,
    null,
    card.title && h("p.muted", null, card.title),
    h("h3", null, card.headline),
    card.promise && h("p", null, h(card.promise_broken ? "s" : "span", null, card.promise)),
    card.window && h("p", null, card.window),
    card.why && h("p", null, card.why),
    choices,
    h(
      "ol.stations",
      null,
      card.stations.map(([name, state]) => h(`li.${state}`, state === "now" ? { "aria-current": "step" } : null, name)),
    ),
    h(
      "ul.items",
      null,
      card.items.map(([what, src]) => h("li", null, src && h("img", { src, ...PICTURE }), h("bdi", null, what))),
    ),
    carrier(card),
    card.age && h("p.muted", null, card.age),
    fold(say("All scans"), card.scans),
    card.tone === "ok" && frame.press(say("I don't have it"), () => showPlace(frame, "not_received"), ".plain"),
  );
}

function carrier({ carrier, tracking_number: number, tracking_url: url }: Card): HTMLElement | "" {
  if (!carrier && !number && !url) return "";
  const name = h("bdi", { dir: "ltr" }, number || url);
  const out = { href: url, target: "_blank", rel: "noopener noreferrer" };
  return h("p.muted", null, h("bdi", null, carrier), " ", url ? h("a", out, name) : name);
}

function fold(title: string, lines: string[][]): HTMLElement | "" {
  if (!lines.length) return "";
  const rows = lines.map(([at, text, own]) => h("li", null, h("time", null, at), h("bdi", null, text), " ", own));
  return h("details", null, h("summary", null, title), h("ol.scans", null, rows));
}

/** What a shopper whose parcel is late can do. */
function choices(frame: Frame, { choices }: Page): HTMLElement | "" {
  if (!choices.length) return "";
  const place = h("div.choices", { role: "status" });
  const ask = async (answer: string) => (await frame.panels()).askChoice(frame, answer, place);
  const buttons = choices.map(([label, answer]) => frame.press(label!, () => ask(answer!)));
  return h("div.choices", null, h("h4", null, frame.say("If that is too late")), h("div.row", null, buttons), place);
}
