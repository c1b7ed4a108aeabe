// What to do when something did not work: a mailed code, the order looked up again where access has run out.

import type { Failure } from "../api";
import type { Frame } from "../frame";
import type { Found } from "../shapes";
import { askCode } from "./code";

/** Do what a refusal asks for. Raises Failure where the shopper turns away from it, or has found another order. */
export async function recover(frame: Frame, { code, message }: Failure, back: () => void): Promise<void> {
  if (code === "step_up") return askCode(frame, back);
  const { session } = frame;
  const { order_id, order } = session.found!;
  session.token = "";
  session.found = null;
  const found = await new Promise<Found>((resolve, reject) => {
    frame.search(order.number, message, true, "order", resolve);
    frame.leave = () => reject(new frame.Failure("left", ""));
  });
  if (found.order_id !== order_id) throw new frame.Failure("left", ""); // who finds another order stays there
}

/** What goes wrong in here is for the console; the shopper gets a way on. */
export function apologize({ say, Failure }: Frame, error: unknown): Failure {
  console.error(error);
  return new Failure("ours", say("This did not work. Try again, or ask the store."));
}
