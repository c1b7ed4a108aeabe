// Find my order by number and e-mail, where the store leaves that way open; else by signing in at its platform.

import { field, view } from "./form";
import { h } from "./dom";
import type { Frame } from "./frame";
import type { Found, Ways } from "./shapes";

/** Ask for an order, and go on with what was found. `why` says what led here. The form does not wait for the store's
 * answer which ways are open: it gives way to signing in where it is switched off. */
export async function askOrder(
  frame: Frame,
  number: string,
  why: string,
  isAsked: boolean,
  goOn: (found: Found) => unknown,
): Promise<void> {
  const { say } = frame;
  const typed = field(say("Order number"), { value: number, dir: "ltr", maxlength: 100, autocomplete: "off" });
  const proof = field(say("E-mail address or postcode you ordered with"), {
    dir: "ltr",
    maxlength: 320,
    autocomplete: "email",
  });
  const find = async () => {
    const empty = [proof, typed].filter((one) => !one.value());
    empty.forEach((one) => one.fail(say("Fill this in."))); // the focus stays with the first on the page
    if (empty.length) return;
    await goOn(await frame.call<Found>("find", { number: typed.value(), proof: proof.value() }));
  };
  const lost = async () => (await frame.panels()).askMail(frame, () => frame.show(page));
  const page = view(
    say("Find your order"),
    why && h("p.problem", { role: "alert" }, why),
    frame.form(say("Show my order"), find, typed.box, proof.box),
    frame.press(say("I lost my order number"), lost, ".plain"),
  );
  frame.show(page, isAsked, "find");
  const ways = await frame.call<Ways>("ways").catch(() => 0 as const); // unknown: the form says what is wrong
  if (ways && !ways.form && page.isConnected) (await frame.panels()).askSignIn(frame, ways.sign_in, why, isAsked);
}
