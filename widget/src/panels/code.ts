// The six-digit code: mailed to the order's address before photos, an address or money are touched.

import type { Frame } from "../frame";

/** Mail a code and wait until it is typed; the session's token may act from then on. Rejects when the shopper turns away. */
export async function askCode(frame: Frame, back: () => void): Promise<void> {
  const { say, h, session } = frame;
  await frame.call("code", {});
  return new Promise((resolve, reject) => {
    const typed = frame.field(say("Code"), {
      inputmode: "numeric",
      autocomplete: "one-time-code",
      maxlength: 400, // with what was pasted around it
      dir: "ltr",
    });
    const check = async () => {
      if (!typed.value()) return typed.fail(say("Fill this in."));
      const { token } = await frame.call<{ token: string }>("code/check", { code: typed.value() });
      frame.enter(Object.assign(session.found!, { token }));
      resolve();
    };
    const again = async () => {
      await frame.call("code", {});
      typed.fail("");
      frame.fill(sent, say("A new code is on its way."));
    };
    const sent = h(
      "p",
      { role: "status" },
      say("We mailed a code to the address of this order. It works for ten minutes."),
    );
    frame.show(
      frame.view(
        say("Look into your mailbox"),
        h("p", null, say("Before something changes, we make sure that it is you.")),
        sent,
        frame.form(say("Check the code"), check, typed.box),
        frame.press(say("Mail me a new code"), again, ".plain"),
        frame.press(say("Back"), back, ".plain.back"),
      ),
    );
    frame.leave = () => reject(new frame.Failure("left", ""));
  });
}
