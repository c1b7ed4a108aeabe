// The frame around the views: it shows one at a time, keeps the token, and asks for a mailed code where one is needed.

import { Failure, openDoor } from "./api";
import { fill, h } from "./dom";
import { field, form, heading, press, view } from "./form";
import type { Found } from "./shapes";
import type { Settings } from "./start";
import { speak, type Table, type Words } from "./words";

/** What is remembered of a shopper while the page lives. */
export interface Session {
  token: string;
  found: Found | null;
  /** All orders of a shopper whom the store vouches for. */
  orders: Found[];
}

// Panels take their tools from the frame. If they imported them, the build would put what is shared into a file of its
// own, and the first view would wait for one more round trip.
const TOOLS = { h, fill, view, field, form, press, Failure };

export interface Frame extends Words, Readonly<typeof TOOLS> {
  node: HTMLElement;
  session: Session;
  /** What a panel wants under every order: a way back to where it was chosen. */
  foot?: () => HTMLElement;
  /** Ask the server; where it wants a mailed code first, the shopper is asked and the call made again. */
  call<T>(path: string, body?: unknown): Promise<T>;
  /** Put a view in place of the one before. Focus goes to its heading, unless the shopper did not ask for it. */
  show(view: HTMLElement, isAsked?: boolean): void;
  /** Show the order again. */
  home(): void;
  /** Load a panel and its words. */
  load<T>(panel: () => Promise<T>): Promise<T>;
  /** Put a panel's own style sheet on, once. */
  wear(css: string): void;
  drop(): void;
}

/** Make the frame of one element. `again` says why it asks for the order once more, and gives the id of what was found;
 * `home` shows the order. */
export function makeFrame(
  { root, core, read, sessions }: Settings,
  table: Table,
  again: (why: string, number: string) => Promise<string>,
  home: () => void,
): Frame {
  const store = read("store");
  const session = (sessions[store] ??= { token: "", found: null, orders: [] });
  const words = speak(table);
  const { say } = words;
  const node = h("div.body", { lang: table.tag, dir: table.dir });
  const away = () =>
    navigator.onLine
      ? say("We cannot look this up right now. Try again in a minute.")
      : say("There is no connection. Check it, then try again.");
  const door = openDoor(`${core}/shop/${store}`, table.tag, () => session.token, away);
  const worn: string[] = [];
  let current: HTMLElement;
  let learned: Promise<void> | undefined;

  const frame: Frame = {
    ...words,
    ...TOOLS,
    press: (label, work, kind) => press(label, safely(work), kind),
    form: (label, work, ...children) => form(label, safely(work), ...children),
    home,
    node,
    session,
    drop: door.drop,
    wear(css) {
      if (worn.indexOf(css) >= 0) return;
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
      worn.push(css);
    },
    show(view, isAsked = true) {
      fill(node, (current = view));
      if (isAsked) heading(view)?.focus();
    },
    async load(panel) {
      learned ??= table.more().then(words.learn);
      try {
        const [loaded] = await Promise.all([panel(), learned]);
        return loaded;
      } catch {
        learned = undefined;
        throw new Failure("away", away());
      }
    },
    async call<T>(path: string, body?: unknown): Promise<T> {
      try {
        return await door.call<T>(path, body);
      } catch (error) {
        const { code, message } = error as Failure;
        const before = current;
        if (code === "step_up") await prove(() => frame.show(before));
        else if (code === "not_allowed" && session.token) await renew(message);
        else throw error;
        frame.show(before); // nothing typed is lost
        return frame.call<T>(path, body);
      }
    },
  };

  // What goes wrong in here is for the console; the shopper gets a way on.
  const safely = (work: () => unknown) => async () => {
    try {
      await work();
    } catch (error) {
      if (error instanceof Failure) throw error;
      console.error(error);
      throw new Failure("ours", say("This did not work. Try again, or ask the store."));
    }
  };

  async function prove(back: () => void): Promise<void> {
    const { askCode } = await frame.load(() => import("./panels/code"));
    await askCode(frame, back);
  }

  // Access that ran out is found again. Who then finds another order stays there.
  async function renew(why: string): Promise<void> {
    const { order_id, order } = session.found!;
    session.token = "";
    session.found = null;
    if ((await again(why, order.number)) !== order_id) throw new Failure("left", "");
  }

  return frame;
}
