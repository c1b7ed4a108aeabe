// The number is lost: have the links of one's orders mailed. The answer is the same whoever asks.

import type { Frame } from "../frame";

export function askMail(frame: Frame, back: () => void): void {
  const { say, h } = frame;
  const email = frame.field(say("E-mail address you ordered with"), {
    type: "email",
    dir: "ltr",
    maxlength: 320,
    autocomplete: "email",
  });
  const send = async () => {
    if (!email.value().includes("@")) return email.fail(say("Write the whole address, such as name@example.com."));
    await frame.call("links", { email: email.value() });
    const said = say(
      "If orders were placed with that address, their links are on the way to it. It takes a minute or two.",
    );
    const again = frame.press(say("Back to the search"), back); // not one step back: that is the form just sent
    frame.show(frame.view(say("Look into your mailbox"), h("p", null, said), again));
  };
  const leave = frame.press(say("Back to the search"), back, ".plain.back");
  const { host } = frame.node.getRootNode() as ShadowRoot;
  const page = `/find/${host.getAttribute("store")}/withdraw?lang=${frame.tag}`;
  const without = { href: new URL(page, host.getAttribute("core") || import.meta.url).href };
  frame.show(
    frame.view(
      say("I lost my order number"),
      frame.form(say("Mail me my links"), send, email.box),
      h("p", null, h("a", without, say("Withdraw from a contract without finding the order"))),
      leave,
    ),
  );
}
