// What can go back of an order: what is under way already, and the ways to begin.

import type { Frame } from "../frame";
import { told, type Way } from "./draft";
import { named, objections } from "./lines";
import { keptOf, startReturn } from "./returning";
import type { Options, Rma, Withdrawal } from "./shapes";
import { showNews, showReturn } from "./status";
import { showWithdrawal, startWithdrawal } from "./withdraw";

/** Show what can go back. `next` is "return" or "withdraw" where the page asks for one of them at once. */
export async function open(frame: Frame, next: string): Promise<void> {
  const kept = next === "return" ? keptOf(frame) : undefined;
  const options = await optionsOf(frame, kept?.draft.way ?? "");
  const again = () => open(frame, "back");
  if (next === "withdraw" && mayDeclare(options)) return startWithdrawal(frame, options, again);
  if (next === "return" && (kept || !options.returns.length) && canReturn(options))
    return startReturn(frame, options, again, kept?.draft.way, kept);
  const { say, h } = frame;
  const { cheaper } = options.withdrawal;
  frame.show(
    frame.view(
      say("Return or cancel"),
      options.returns.map((rma) => drawReturn(frame, rma, again)),
      options.withdrawals.map((one) => drawWithdrawal(frame, one, again)),
      cheaper && h("section.choices", null, withdrawing(frame, options, again)),
      canReturn(options)
        ? frame.press(say("Start a return"), () => startReturn(frame, options, again), cheaper ? "" : ".primary")
        : nothing(frame, options),
      otherWays(frame, options, again),
      !cheaper && h("section.choices", null, withdrawing(frame, options, again)),
      options.cancel.sentence && h("section.choices", null, canceling(frame, options, again)),
      frame.press(say("Back to the order"), frame.home, ".plain.back"),
    ),
    true,
    "back",
  );
}

function optionsOf(frame: Frame, way: Way): Promise<Options> {
  const asked = told(way) as Record<string, unknown>;
  const more = Object.keys(asked).map((key) => `&${key}=${asked[key]}`);
  return frame.call(`returns/options?order=${frame.session.found!.order_id}${more.join("")}`);
}

// Two quieter ways: for whom it was given to, and for what broke after its time to return was over.
function otherWays(frame: Frame, options: Options, again: () => void): HTMLElement[] {
  const hasLeft = !options.cancel.possible && options.lines.some((line) => line.left > 0);
  const forGift = options.wishes.some(({ key }) => key === "exchange" || key === "store_credit");
  const start = async (way: Way) => {
    const its = await optionsOf(frame, way);
    if (canReturn(its)) return startReturn(frame, its, again, way);
    throw new frame.Failure("not_offered", options.not_offered);
  };
  return [
    ...(canReturn(options) && forGift ? [frame.press(options.gift_label, () => start("gift"), ".plain")] : []),
    ...(hasLeft ? [frame.press(options.warranty_label, () => start("warranty"), ".plain")] : []),
  ];
}

function canReturn({ lines }: Options): boolean {
  return lines.some((line) => line.left > 0 && line.answer !== "decline");
}

function nothing(frame: Frame, { lines }: Options): HTMLElement[] {
  const { say, h } = frame;
  const rows = lines.map((line) => h("li", null, named(frame, line), objections(frame, line.objections)));
  const write = () => frame.go("message");
  return [h("ul.lines", null, rows), frame.press(say("Write to the store"), write)];
}

function drawReturn(frame: Frame, rma: Rma, again: () => void): HTMLElement {
  const { h } = frame;
  const see = () => showReturn(frame, rma, again);
  const number = rma.kind !== "cancel" && h("p.muted", null, h("bdi", null, rma.rma));
  const button = frame.press(rma.labels.see, see);
  return h("section.card", null, h("h3", null, rma.headline), number, h("p", null, rma.sentence), button);
}

function drawWithdrawal(frame: Frame, one: Withdrawal, again: () => void): HTMLElement {
  const { h } = frame;
  const see = () => showWithdrawal(frame, one, again);
  const what = [h("h3", null, one.sentence), h("p.muted", null, h("bdi", null, one.number))];
  return h("section.card", null, what, frame.press(one.see_label, see));
}

// Late ones too: whether the period is over, a person decides.
function mayDeclare({ withdrawal }: Options): boolean {
  return withdrawal.available || withdrawal.late;
}

function withdrawing(frame: Frame, options: Options, again: () => void): HTMLElement[] {
  const { h } = frame;
  const { sentence, cheaper, label } = options.withdrawal;
  const said = [sentence, cheaper].filter(Boolean).map((one) => h("p", null, one));
  if (!mayDeclare(options)) return said;
  return [...said, frame.press(label, () => startWithdrawal(frame, options, again), cheaper ? ".primary" : "")];
}

function canceling(frame: Frame, { order_id: order, cancel }: Options, again: () => void): HTMLElement[] {
  const { h } = frame;
  const said = h("p", null, cancel.sentence);
  if (!cancel.possible) return [said];
  const place = h("div.choices");
  const sure = async () => showNews(frame, await frame.call<Rma>("cancel", { order }), again);
  const ask = () =>
    frame.fill(
      place,
      h("p", { role: "status" }, cancel.warning),
      frame.press(cancel.sure, sure, ".primary"),
    );
  return [said, frame.press(cancel.label, ask), place];
}
