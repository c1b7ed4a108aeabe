// The steps of a return: what, what for, and a last look. `why.ts` is the one between.

import type { Child } from "../dom";
import { chosenOf, choose, reasonOf, refs } from "./draft";
import { askInstead } from "./instead";
import { howMany, named, objections } from "./lines";
import type { Returning } from "./returning";

export interface Step {
  title: string;
  content: Child;
  /** Say whether it may be left forward; show what is missing where it may not. */
  isReady(): boolean;
}

export function askWhat(flow: Returning): Step {
  const { frame, options, draft } = flow;
  const { say, h } = frame;
  const problem = h("p.problem", { role: "alert", hidden: true }, say("Choose at least one thing."));
  const rows = options.lines.map((line) => {
    const against = objections(frame, line.objections);
    if (line.left < 1 || line.answer === "decline") return h("li.off", null, named(frame, line), against);
    const change = (quantity: number) => {
      choose(draft, line.ref, quantity);
      problem.hidden = true;
      flow.changed();
    };
    const picker = howMany(frame, line, draft.picks[line.ref]?.quantity ?? 0, change);
    return h("li", null, picker, line.window_sentence && h("p.muted", null, line.window_sentence), against);
  });
  const { title, note } = wordsOf(flow);
  return {
    title,
    content: [note && h("p.note", null, note), h("ul.lines", null, rows), problem],
    isReady: () => (problem.hidden = refs(draft).length > 0),
  };
}

function wordsOf({ frame: { say }, draft: { way } }: Returning): { title: string; note: string } {
  if (way === "warranty")
    return {
      title: say("What broke?"),
      note: say("The store looks at it and decides: repaired, replaced, or the money back."),
    };
  const note = way && say("A gift is exchanged or becomes store credit. No price is shown.");
  return { title: say("What do you want to send back?"), note };
}

export function askWish(flow: Returning): Step {
  const { frame, options, draft } = flow;
  const { say, h } = frame;
  const more = h("div.choices");
  const showMore = () => frame.fill(more, draft.wish === "exchange" && askInstead(flow));
  const rows = options.wishes.map(({ key, label }) => {
    const change = () => {
      draft.wish = key;
      showMore();
      flow.changed();
    };
    const box = h("input", { type: "radio", name: "wish", value: key, checked: draft.wish === key, change });
    return h("label.tick", null, box, label);
  });
  showMore();
  return {
    title: say("What would you like?"),
    content: [h("fieldset.choices", null, h("legend", null, say("Your wish")), rows), more],
    isReady: () => true,
  };
}

export function review({ frame, options, draft, quote }: Returning): Step {
  const { say, h } = frame;
  const comment = frame.field(say("Anything else the store should know (optional)"), { maxlength: 1000 }, "textarea");
  comment.input.addEventListener("input", () => (draft.comment = comment.value()));
  comment.input.value = draft.comment;
  const rows = chosenOf(options, draft).map((line) => {
    const answer = quote?.lines.filter((one) => one.ref === line.ref)[0];
    const { quantity, instead } = draft.picks[line.ref]!;
    const what = `${quantity} × ${reasonOf(draft, options, line.ref)?.label ?? ""}`;
    return h(
      "li",
      null,
      named(frame, line),
      h("p.muted", null, what),
      draft.wish === "exchange" && instead && h("p", null, say("Instead"), ": ", h("bdi", null, instead)),
      objections(frame, answer?.objections ?? []),
    );
  });
  const withdrawal_sentence = quote?.withdrawal_sentence;
  const said = [quote?.refund_sentence, quote?.way_back_sentence].filter(Boolean).map((one) => h("p", null, one));
  return {
    title: say("Is this right?"),
    content: [withdrawal_sentence && h("p.note", null, withdrawal_sentence), h("ul.lines", null, rows), said, comment.box],
    isReady: () => true,
  };
}
