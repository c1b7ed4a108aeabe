// The legal withdrawal: what, confirm, receipt. No reason is asked and nothing stands between.

import type { Frame } from "../frame";
import { day } from "./format";
import { howMany, named } from "./lines";
import type { Options, Withdrawal } from "./shapes";
import { settle } from "./resume";

export function startWithdrawal(frame: Frame, options: Options, leave: () => void): void {
  const { say, h } = frame;
  const chosen: Record<string, number> = {};
  const problem = h("p.problem", { role: "alert", hidden: true }, say("Choose at least one thing."));
  const rows = options.lines.map((line) => {
    const { withdrawal, left, ref } = line;
    if (!withdrawal?.open || left < 1)
      return h("li.off", null, named(frame, line), withdrawal && h("p.note", null, withdrawal.sentence));
    chosen[ref] = withdrawal.exempt ? 0 : left;
    const change = (quantity: number) => {
      chosen[ref] = quantity;
      problem.hidden = true;
    };
    return h("li", null, howMany(frame, line, chosen[ref], change), h("p.muted", null, withdrawal.sentence));
  });
  const name = frame.field(say("Your name"), { autocomplete: "name", maxlength: 200 });
  const email = frame.field(say("Another e-mail address for the receipt (optional)"), {
    type: "email",
    dir: "ltr",
    maxlength: 320,
    autocomplete: "email",
  });
  const begin = async () => {
    const lines = Object.keys(chosen)
      .map((ref) => ({ ref, quantity: chosen[ref]! }))
      .filter((one) => one.quantity > 0);
    problem.hidden = lines.length > 0;
    if (!lines.length) return;
    if (!name.value()) return name.fail(say("Fill this in."));
    const to = email.value();
    if (to && !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(to))
      return email.fail(say("Write the whole address, such as name@example.com."));
    const asked = { order: options.order_id, lines, name: name.value(), email: to };
    const started = await frame.call<Withdrawal>("withdrawals", asked);
    confirm(frame, started, leave, () => frame.show(page));
  };
  const page = frame.view(
    options.withdrawal.heading,
    h("p", null, options.withdrawal.sentence),
    options.withdrawal.late && h("p", null, say("You can declare it all the same. A person at the store decides.")),
    h("ul.lines", null, rows),
    problem,
    frame.form(say("Look at the declaration"), begin, name.box, email.box),
    h("p.muted", null, options.withdrawal.not_advice),
    frame.press(say("Back"), leave, ".plain.back"),
  );
  frame.show(page, true, "withdraw");
}

function confirm(frame: Frame, started: Withdrawal, leave: () => void, back: () => void): void {
  const { say, h } = frame;
  const declare = async () => {
    const declared = await frame.call<Withdrawal>(`withdrawals/${started.id}/confirm`, {});
    settle(frame);
    showWithdrawal(frame, declared, leave);
  };
  frame.show(
    frame.view(
      started.confirm_heading,
      h("p.paper", null, started.statement),
      exempt(frame, started),
      frame.press(started.confirm_label, declare, ".primary"),
      frame.press(say("Back"), back, ".plain.back"),
    ),
  );
}

function exempt({ h }: Frame, { lines }: Withdrawal): HTMLElement[] {
  return lines
    .filter((line) => line.exempt)
    .map((line) => h("p.note", null, h("bdi", null, line.title), ": ", line.exempt));
}

// Proof of sending ends the store's right to wait with the money.
function proving(frame: Frame, one: Withdrawal, leave: () => void): HTMLElement {
  const { say } = frame;
  const number = frame.field(say("Tracking number of the parcel you sent"), { dir: "ltr", maxlength: 100 });
  const tell = async () => {
    if (!number.value()) return number.fail(say("Fill this in."));
    const path = `withdrawals/${one.id}/sent`;
    const told = await frame.call<Withdrawal>(path, { tracking_number: number.value() });
    settle(frame);
    showWithdrawal(frame, told, leave);
  };
  return frame.form(say("Tell the store it is on its way"), tell, number.box);
}

/** Show a withdrawal with its receipt, which carries date and time. */
export function showWithdrawal(frame: Frame, one: Withdrawal, leave: () => void): void {
  const { say, h } = frame;
  if (one.state === "started") return confirm(frame, one, leave, leave);
  frame.show(
    frame.view(
      one.sentence,
      one.mailed_to && h("p.good", null, say("The receipt goes to %(address)s.", { address: one.mailed_to })),
      h("p", null, one.refund_sentence),
      one.lost_value_sentence && h("p.note", null, one.lost_value_sentence),
      one.photos.map(({ url }, i) =>
        h("img", { src: url, alt: say("Photo %(n)s of the goods as they came back", { n: i + 1 }), width: 240 }),
      ),
      one.send_back_by &&
        h("p", null, say("Send the goods back by %(day)s.", { day: day(frame.tag, one.send_back_by) })),
      one.postage_sentence && h("p", null, one.postage_sentence),
      one.can_prove_sent && proving(frame, one, leave),
      exempt(frame, one),
      one.receipt && [
        h("p.paper", null, one.receipt.text),
        h("p.muted", null, one.receipt.hash_label, ": ", h("bdi", { dir: "ltr" }, one.receipt.hash)),
        h("p", null, one.receipt.note),
        frame.press(one.receipt.print_label, () => print()),
      ],
      frame.press(say("Back"), leave, ".plain.back"),
    ),
    true,
    "status",
  );
}
