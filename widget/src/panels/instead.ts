// What is wanted in an exchange: one of the things the store has, with its difference in price, or free words.

import type { Child } from "../dom";
import { chosenOf } from "./draft";
import { named } from "./lines";
import type { Returning } from "./returning";
import type { Line, Variant } from "./shapes";

const WORDS = "words";

export function askInstead(flow: Returning): Child {
  const { frame, options, draft } = flow;
  return chosenOf(options, draft).map((line) => {
    const place = frame.h("div.choices");
    if (line.has_variants) void offer(flow, line, place);
    else askWords(flow, line, place);
    return frame.h("div", null, named(frame, line), place);
  });
}

/** Show what the store has; where it has nothing else or does not say, the shopper writes it. */
async function offer(flow: Returning, line: Line, place: HTMLElement): Promise<void> {
  const { frame, options, draft } = flow;
  const { h, say } = frame;
  const gift = draft.way === "gift" ? "&gift=true" : "";
  const asked = `returns/variants?order=${options.order_id}&line=${encodeURIComponent(line.ref)}${gift}`;
  const { variants } = await frame.call<{ variants: Variant[] }>(asked).catch(() => ({ variants: [] as Variant[] }));
  if (!variants.length) return askWords(flow, line, place);
  const pick = draft.picks[line.ref]!;
  const more = h("div");
  const take = (chosen: string) => {
    pick.offer = chosen === WORDS ? "" : chosen;
    if (chosen !== WORDS) pick.instead = "";
    frame.fill(more);
    if (chosen === WORDS) askWords(flow, line, more);
    flow.changed();
  };
  const box = (value: string, label: string, off = false, image = "") =>
    h(
      "label.tick",
      null,
      h("input", {
        type: "radio",
        name: `instead-${line.ref}`,
        value,
        disabled: off,
        checked: pick.instead ? value === WORDS : value === pick.offer,
        change: () => take(value),
      }),
      h(
        "span.thing",
        null,
        image && h("img", { src: image, alt: "", loading: "lazy", referrerpolicy: "no-referrer" }),
        h("bdi", null, label),
      ),
    );
  if (pick.instead) askWords(flow, line, more);
  const rows = variants.map((one) => box(one.offer, one.label, !one.in_stock, one.image_url));
  const legend = h("legend", null, say("Instead"));
  const others = [box("", say("The same again")), box(WORDS, say("Something else"))];
  frame.fill(place, h("fieldset.choices", null, legend, rows, others), more);
}

function askWords({ frame, draft, changed }: Returning, line: Line, place: HTMLElement): void {
  const pick = draft.picks[line.ref]!;
  const label = frame.say("What you would like instead, such as another size or color (optional)");
  const field = frame.field(label, { maxlength: 200, value: pick.instead, change: changed });
  field.input.addEventListener("input", () => (pick.instead = field.value()));
  frame.fill(place, field.box);
}
