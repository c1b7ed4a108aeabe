// Lines of an order as rows: what they are, why they cannot go back, how many of them are chosen.

import type { Frame } from "../frame";
import { money } from "./format";
import type { Entry, Line, Objection } from "./shapes";

interface Thing {
  title: string;
  variant: string;
  image_url?: string;
}

/** Name a thing with its picture. */
export function named({ h }: Frame, { title, variant, image_url: src }: Thing): HTMLElement {
  const picture = src && h("img", { src, alt: "", loading: "lazy", referrerpolicy: "no-referrer" });
  return h("p.thing", null, picture, h("bdi", null, variant ? `${title}, ${variant}` : title));
}

/** Say why something cannot go back, each reason with the next best thing. */
export function objections({ h }: Frame, list: readonly Objection[]): HTMLElement[] {
  return list.map(({ sentence, offer }) => h("p.note", null, `${sentence} ${offer.sentence}`));
}

/** Ask how many of a line: a box to tick for one, a list of numbers for more. */
export function howMany(frame: Frame, line: Line, chosen: number, choose: (quantity: number) => void): HTMLElement {
  const { say, h } = frame;
  if (line.left === 1) {
    const change = (event: Event) => choose((event.target as HTMLInputElement).checked ? 1 : 0);
    const box = h("input", { type: "checkbox", checked: chosen > 0, change });
    return h("label.tick", null, box, named(frame, line));
  }
  const change = (event: Event) => choose(Number((event.target as HTMLSelectElement).value));
  const { box, input } = frame.field(say("How many"), { change }, "select");
  for (let n = 0; n <= line.left; n++) input.appendChild(h("option", { value: n, selected: n === chosen }, n));
  return h("div", null, named(frame, line), box);
}

/** Write an amount; nothing where the reader must not see it. */
export function amountOf({ tag }: Frame, amount: number | null, currency: string): string {
  return amount === null ? "" : money(tag, amount, currency);
}

/** Explain an amount: what it is made of, line by line. */
export function explained({ h, tag }: Frame, entries: readonly Entry[], currency: string): HTMLElement {
  const rows = entries.map(({ label, amount, note }) =>
    h(
      "li",
      null,
      h("span", null, h("bdi", null, label), note && h("small", null, ` ${note}`)),
      h("b", null, money(tag, amount, currency)),
    ),
  );
  return h("ul.sums", null, rows);
}
