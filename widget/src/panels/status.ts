// Where a return stands: what happens next, by whom and by when; where the money is; what the shopper can do.

import type { Child } from "../dom";
import type { Frame } from "../frame";
import { day } from "./format";
import { amountOf, explained, named } from "./lines";
import type { Rma } from "./shapes";
import { settle } from "./resume";

/** Show what has become of a return: the steps that led to it are over. */
export function showNews(frame: Frame, rma: Rma, leave: () => void): void {
  settle(frame);
  showReturn(frame, rma, leave);
}

export function showReturn(frame: Frame, rma: Rma, leave: () => void): void {
  const { say, h } = frame;
  const label = { href: rma.label_url, target: "_blank", rel: "noopener noreferrer" };
  frame.show(
    frame.view(
      rma.headline,
      rma.kind !== "cancel" && h("p.muted", null, h("bdi", null, rma.rma)),
      h("p", null, rma.sentence),
      rma.due && h("p.note", null, rma.due.sentence),
      steps(frame, rma),
      rma.instructions.length > 0 && [
        h("h3", null, say("What to do")),
        h(
          "ol.todo",
          null,
          rma.instructions.map((one) => h("li", null, one)),
        ),
      ],
      rma.label_url && h("a.button", label, say("Open the shipping label")),
      rma.reimbursements.map(({ sentence, link }) =>
        h("p.good", null, sentence, link && [" ", h("a", { href: link }, say("Open"))]),
      ),
      amount(frame, rma),
      h(
        "ul.lines",
        null,
        rma.lines.map((line) =>
          h(
            "li",
            null,
            named(frame, line),
            h("p.muted", null, `${line.accepted ?? line.quantity} × `, h("bdi", null, line.reason_label)),
            line.note && h("p", { dir: "auto" }, line.note),
          ),
        ),
      ),
      rma.can_tell_sent && sent(frame, rma, leave),
      rma.can_cancel && cancel(frame, rma, leave),
      frame.press(say("Back"), leave, ".plain.back"),
    ),
    true,
    "status",
  );
}

function steps({ h, tag }: Frame, { steps }: Rma): HTMLElement {
  const rows = steps
    .filter((one) => one.state !== "skipped")
    .map(({ label, at, state }) =>
      h(
        `li.${state}`,
        state === "now" ? { "aria-current": "step" } : null,
        label,
        at && h("time", { datetime: at }, day(tag, at)),
      ),
    );
  return h("ol.path", null, rows);
}

function amount(frame: Frame, { amount, currency, explanation, exchange }: Rma): Child {
  const { say, h } = frame;
  if (!explanation.length) return exchange && h("p.note", null, exchange);
  return h(
    "details",
    null,
    h("summary", null, exchange || [say("You get back"), " ", amountOf(frame, amount, currency)]),
    explained(frame, explanation, currency),
  );
}

function sent(frame: Frame, { id }: Rma, leave: () => void): HTMLElement {
  const { say } = frame;
  const number = frame.field(say("Tracking number of the parcel you sent"), {
    dir: "ltr",
    maxlength: 60,
    autocomplete: "off",
  });
  const tell = async () => {
    if (!number.value()) return number.fail(say("Fill this in."));
    showNews(frame, await frame.call<Rma>(`returns/${id}/sent`, { tracking_number: number.value() }), leave);
  };
  return frame.form(say("Tell the store it is on its way"), tell, number.box);
}

function cancel(frame: Frame, { id, labels }: Rma, leave: () => void): HTMLElement {
  const place = frame.h("div.choices");
  const sure = async () => showNews(frame, await frame.call<Rma>(`returns/${id}/cancel`, {}), leave);
  const ask = () => frame.fill(place, frame.press(labels.sure, sure, ".primary"));
  place.appendChild(frame.press(labels.cancel, ask, ".plain"));
  return place;
}
