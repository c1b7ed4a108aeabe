// Starting a return in at most four short steps, with the amount always in sight. The draft outlives the steps.

import type { Frame } from "../frame";
import { blank, bodyOf, canQuote, upTo, type Draft, type Way } from "./draft";
import { amountOf, explained } from "./lines";
import type { Options, Quote, Rma } from "./shapes";
import { showNews } from "./status";
import { askWhat, askWish, review, type Step } from "./steps";
import { askWhy } from "./why";

export interface Returning {
  frame: Frame;
  options: Options;
  draft: Draft;
  /** What the draft would bring; null until the server said. */
  quote: Quote | null;
  /** Where the amount stands, in the step that is shown. */
  sum: HTMLElement;
  /** The draft changed: show what it would bring now. */
  changed(): void;
}

interface Kept {
  order: string;
  place: number;
  draft: Draft;
}

/** Give the draft that the page's history holds of this order: a reload comes back to it. */
export function keptOf(frame: Frame): Kept | undefined {
  const kept: Kept | undefined = history.state?.aftercareDraft;
  return kept?.order === frame.session.found!.order_id ? kept : undefined;
}

function keep(aftercareDraft?: Kept): void {
  history.replaceState({ ...history.state, aftercareDraft }, "");
}

/** Begin; `options` were asked for this `way`. `kept` is gone on with. */
export async function startReturn(
  frame: Frame,
  options: Options,
  leave: () => void,
  way: Way = "",
  kept?: Kept,
): Promise<void> {
  const { say } = frame;
  const flow: Returning = {
    frame,
    options,
    draft: kept?.draft ?? blank(options, way),
    quote: null,
    sum: frame.h("div.sum", { role: "status" }),
    changed: () => void reckon(flow).catch(() => drawSum(flow)),
  };
  // Each step with what the button leading to it says.
  const steps: [string, (flow: Returning) => Step][] = [
    ["", askWhat],
    [say("Say why"), askWhy],
    [say("Choose what you get"), askWish],
    [say("Check everything"), review],
  ];
  // One wish is no choice, but an exchange has something to say.
  if (options.wishes.length < 2 && flow.draft.wish !== "exchange") steps.splice(2, 1);
  if (kept) await reckon(flow);
  walk(flow, steps, kept?.place ?? 0, leave);
}

function walk(flow: Returning, steps: [string, (flow: Returning) => Step][], place: number, leave: () => void): void {
  const { frame } = flow;
  const { say, h } = frame;
  const sum = h("div.sum", { role: "status" });
  const step = steps[place]![1](flow);
  const further = steps[place + 1];
  const go = async () => {
    if (!step.isReady()) return;
    await reckon(flow);
    walk(flow, steps, place + 1, leave);
  };
  const back = () => (place ? walk(flow, steps, place - 1, leave) : leave());
  const last = flow.draft.way === "warranty" ? say("Send the claim") : say("Start return");
  const onward = further
    ? frame.press(further[0], go, ".primary")
    : flow.quote?.answer !== "decline" && frame.press(last, () => send(flow, leave), ".primary");
  const reckonHere = () => {
    flow.sum = sum;
    drawSum(flow);
  };
  reckonHere();
  const page = frame.view(
    step.title,
    h("p.muted", null, say("Step %(step)s of %(steps)s", { step: place + 1, steps: steps.length })),
    step.content,
    sum,
    onward,
    frame.press(say("Back"), back, ".plain.back"),
  );
  page.addEventListener("focusin", () => flow.sum === sum || reckonHere()); // who comes back finds the amount of now
  const keepHere = () => keep({ order: flow.options.order_id, place, draft: flow.draft });
  for (const told of ["input", "change"]) page.addEventListener(told, keepHere); // each field told the draft before
  frame.show(page, true, "return");
  keepHere();
}

async function send(flow: Returning, leave: () => void): Promise<void> {
  const { frame, draft, options } = flow;
  try {
    const rma = await frame.call<Rma>("returns", bodyOf(draft, options));
    keep();
    showNews(frame, rma, leave);
  } catch (error) {
    if (error instanceof frame.Failure && error.code === "return_not_allowed") await reckon(flow);
    throw error;
  }
}

/** Ask what the draft would bring, and show it; an answer that a younger question overtook is dropped. */
async function reckon(flow: Returning): Promise<void> {
  const { frame, draft, options } = flow;
  const asked = canQuote(draft) ? bodyOf(draft, options) : null;
  flow.quote = null;
  pending.set(flow, asked);
  const quote = asked && (await frame.call<Quote>("returns/quote", asked));
  if (pending.get(flow) !== asked) return;
  flow.quote = quote;
  drawSum(flow);
}

const pending = new WeakMap<Returning, object | null>();

function drawSum({ frame, draft, options, quote, sum }: Returning): void {
  const { say, h } = frame;
  if (!quote) {
    const most = draft.wish === "exchange" ? 0 : upTo(draft, options);
    const said = say("Up to %(amount)s", { amount: amountOf(frame, most, options.currency) });
    return frame.fill(sum, most > 0 && h("p", null, said));
  }
  const { amount, currency, explanation, exchange } = quote;
  if (amount === null && !exchange) return frame.fill(sum);
  const why = h("summary", null, say("Why this amount"));
  frame.fill(
    sum,
    exchange
      ? h("p", null, h("b", null, exchange))
      : h("p", null, say("You get back"), " ", h("b", null, amountOf(frame, amount, currency))),
    explanation.length > 0 && h("details", null, why, explained(frame, explanation, currency)),
  );
}
