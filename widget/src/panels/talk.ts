// Writing to the store: a message becomes a case for a person; "it says delivered" first says where to look.

import type { Frame } from "../frame";
import { settle } from "./resume";

interface Sent {
  sentence: string;
}

/** Ask for a message; at the place "not_received", about a parcel that is said to be there. */
export function askMessage(frame: Frame, place: string): void {
  const { say, h } = frame;
  const isLost = place === "not_received";
  const text = frame.field(
    isLost ? say("What the store should know") : say("Your message"),
    { maxlength: 4000 },
    "textarea",
  );
  const topics = frame.field(say("What it is about"), {}, "select");
  for (const [value, label] of topicNames(frame)) frame.fill(topics.input.appendChild(h("option", { value })), label);
  const send = async () => {
    if (!text.value() && !isLost) return text.fail(say("Write a few words, so that somebody can answer."));
    const about = isLost ? place : topics.value();
    const said = text.value() || say("It says delivered, but I don't have it.");
    const { sentence } = await frame.call<Sent>("messages", {
      order: frame.session.found!.order_id,
      text: said,
      topic: about,
    });
    const back = frame.press(say("Back to the order"), frame.home, ".back");
    settle(frame);
    frame.show(frame.view(say("The store has your message"), h("p.good", null, sentence), back), true, "order");
  };
  frame.show(
    frame.view(
      isLost ? say("It says delivered, but you don't have it") : say("Write to the store"),
      isLost && whereToLook(frame),
      frame.form(
        isLost ? say("Tell the store it has not come") : say("Send message"),
        send,
        !isLost && topics.box,
        text.box,
      ),
      frame.press(say("Back to the order"), frame.home, ".plain.back"),
    ),
    true,
    place,
  );
}

function topicNames({ say }: Frame): [string, string][] {
  return [
    ["talk", say("A question about this order")],
    ["damaged", say("Something came damaged or wrong")],
    ["not_received", say("Something did not come")],
    ["other", say("Something else")],
  ];
}

function whereToLook({ say, h }: Frame): HTMLElement {
  return h(
    "ol.todo",
    null,
    h("li", null, say("Look at the door, in the mailbox, and where the carrier leaves notes.")),
    h("li", null, say("Ask at home and next door whether somebody took it in.")),
    h("li", null, say("Some carriers report a delivery up to a day early.")),
  );
}
