// The store shows orders to shoppers who are signed in: lead them to the sign-in of its platform, and back by a link.

import type { Frame } from "../frame";
import { askMail } from "./links";

/** Offer the sign-in at this address, and mailed links beside it. `why` says what led here. */
export function askSignIn(frame: Frame, address: string, why: string, isAsked: boolean): void {
  const { say, h } = frame;
  const page = frame.view(
    say("Find your order"),
    why && h("p.problem", { role: "alert" }, why),
    h("p", null, say("This store shows orders to shoppers who are signed in. Sign in, or have your links mailed to you.")),
    h("p", null, h("a.button", { href: `${address}?lang=${frame.tag}` }, say("Sign in at the store"))),
    frame.press(say("Mail me my links"), () => askMail(frame, () => frame.show(page)), ".plain"),
  );
  frame.show(page, isAsked, "find");
}
