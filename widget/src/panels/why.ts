// Why something goes back: a reason a line, what that reason asks further, and the photos it wants.

import type { Child } from "../dom";
import type { Field } from "../form";
import { lacks, photosWanted, reasonOf } from "./draft";
import { named } from "./lines";
import { askPhotos } from "./photos";
import type { Returning } from "./returning";
import type { Line, Question } from "./shapes";
import type { Step } from "./steps";

type Choices = readonly { key: string; label: string }[];

export function askWhy(flow: Returning): Step {
  const { frame, options, draft } = flow;
  const { say, h } = frame;
  const fields: Record<string, Field> = {};
  const photos = h("div.choices");
  const showPhotos = () => {
    const wanted = photosWanted(draft, options);
    if (!wanted) return frame.fill(photos);
    const asked = askPhotos(frame, draft, options.order_id, wanted);
    fields.photos = asked.field;
    frame.fill(photos, asked.box);
  };
  const changed = () => {
    showPhotos();
    flow.changed();
  };
  const chosen = options.lines.filter((line) => draft.picks[line.ref]);
  const rows = chosen.map((line) => h("li", null, named(frame, line), askReason(flow, line, fields, changed)));
  showPhotos();
  return {
    title: say("Why do you send it back?"),
    content: [h("ul.lines", null, rows), photos],
    isReady() {
      const lack = lacks(draft, options);
      if (lack === "photos") fields[lack]!.fail(say("Add the photos, so that the store can see it."));
      else if (lack) fields[lack]!.fail(say("Fill this in."));
      return !lack;
    },
  };
}

function askReason(flow: Returning, line: Line, fields: Record<string, Field>, changed: () => void): Child {
  const { frame, options, draft } = flow;
  const pick = draft.picks[line.ref]!;
  const more = frame.h("div.choices");
  const showQuestions = () => {
    const asked = (reasonOf(draft, options, line.ref)?.questions ?? []).map((question) => {
      const field = askFurther(flow, question, pick.answers);
      fields[`${line.ref} ${question.key}`] = field;
      return field.box;
    });
    frame.fill(more, asked);
  };
  const take = (key: string) => {
    pick.reason = key;
    pick.answers = {};
    showQuestions();
    changed();
  };
  const reason = askChoice(flow, frame.say("Reason"), options.reasons, pick.reason, take);
  fields[line.ref] = reason;
  showQuestions();
  return [reason.box, more];
}

function askFurther(flow: Returning, { key, label, choices }: Question, answers: Record<string, string>): Field {
  if (choices.length) return askChoice(flow, label, choices, answers[key], (chosen) => (answers[key] = chosen));
  const field = flow.frame.field(label, { maxlength: 1000, value: answers[key] });
  field.input.addEventListener("input", () => (answers[key] = field.value()));
  return field;
}

function askChoice(
  { frame }: Returning,
  label: string,
  choices: Choices,
  chosen: string | undefined,
  take: (key: string) => void,
): Field {
  const { h, say } = frame;
  const change = () => {
    field.fail("");
    take(field.value());
  };
  const field = frame.field(label, { change }, "select");
  if (!chosen)
    field.input.appendChild(h("option", { value: "", selected: true, disabled: true }, say("Please choose")));
  choices.forEach(({ key, label }) => {
    field.input.appendChild(h("option", { value: key, selected: key === chosen }, label));
  });
  return field;
}
