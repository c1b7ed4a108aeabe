// The frame around the views: it shows one at a time, keeps the order and its token, and asks for a mailed code where
// one is needed.

import { Failure, openDoor } from "./api";
import { fill, h } from "./dom";
import { field, form, heading, press, view } from "./form";
import type { Found } from "./shapes";
import type { Settings } from "./start";
import { keepTrail, type Trail } from "./trail";
import { speak, type Table, type Words } from "./words";

/** What is remembered of a shopper while the page lives. */
export interface Session {
  token: string;
  found: Found | null;
  /** All orders of a shopper whom the store vouches for. */
  orders: Found[];
}

/** The views that are come back to by their names. */
export interface Places {
  /** Show the order, or the view of it with this name. */
  go(place: string, isAsked?: boolean): Promise<void>;
  /** Ask for an order, then show this place of it; `why` says what led here, `tell` is told what was found. */
  search(number: string, why: string, isAsked: boolean, place: string, tell?: (found: Found) => void): Promise<void>;
}

// Panels take their tools from the frame. If they imported them, the build would put what is shared into a file of its
// own, and the first view would wait for one more round trip.
const TOOLS = { h, fill, view, field, form, press, Failure };

export interface Frame extends Words, Places, Readonly<typeof TOOLS> {
  node: HTMLElement;
  session: Session;
  trail: Trail;
  /** What the token is called in the tab's storage. */
  key: string;
  /** What a panel wants under every order: a way back to where it was chosen. */
  foot?: () => HTMLElement;
  /** What to do when the shopper turns away from a question. */
  leave?: (() => void) | undefined;
  /** Ask the server; where it wants a mailed code first, the shopper is asked and the call made again. */
  call<T>(path: string, body?: unknown): Promise<T>;
  /** Put a view in place of the one before; a reload leads to its `place`, or to that of the view before. Focus goes to
   * its heading, unless the shopper did not ask for it. */
  show(view: HTMLElement, isAsked?: boolean, place?: string): void;
  /** Remember an order as the one that is looked at. */
  enter(found: Found): void;
  /** Show the order again. */
  home(): unknown;
  /** Load a panel and its words. */
  load<T>(panel: () => Promise<T>): Promise<T>;
  /** Load what a shopper may do beyond looking. */
  panels(): Promise<typeof import("./panels/panels")>;
  /** Put a panel's own style sheet on, once. */
  wear(css: string): void;
  drop(): void;
}

/** Make the frame of one element. */
export function makeFrame({ root, core, read, sessions }: Settings, table: Table, places: Places): Frame {
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
  const key = `aftercare:${store}`;
  let current: HTMLElement;
  let learned: Promise<void> | undefined;

  const trail = keepTrail(key + read("mode") + read("view"), session);

  const frame: Frame = {
    ...words,
    ...TOOLS,
    ...places,
    // A button that leads back does what the browser's own does, where there is an entry before.
    press: (label, work, kind = "") =>
      press(label, safely(() => (kind.includes("back") && trail.at ? history.back() : work())), kind),
    form: (label, work, ...children) => form(label, safely(work), ...children),
    home: () => places.go("order"),
    node,
    session,
    trail,
    key,
    drop: door.drop,
    enter(found) {
      session.found = found;
      session.token = found.token;
      try {
        sessionStorage.setItem(key, found.token);
      } catch {
        // Where nothing may be stored, a reload leads to the search with the number filled in.
      }
    },
    wear(css) {
      if (worn.indexOf(css) >= 0) return;
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
      worn.push(css);
    },
    show(view, isAsked = true, place) {
      const { leave } = frame;
      frame.leave = undefined;
      leave?.();
      trail.add(view, place);
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
    async panels() {
      const panels = await frame.load(() => import("./panels/panels"));
      frame.wear(panels.css);
      return panels;
    },
    async call<T>(path: string, body?: unknown): Promise<T> {
      try {
        return await door.call<T>(path, body);
      } catch (error) {
        const before = current;
        if (!/step_up|not_allowed/.test((error as Failure).code) || !session.found) throw error;
        await (await frame.panels()).recover(frame, error as Failure, () => frame.show(before));
        frame.show(before); // nothing typed is lost
        return frame.call<T>(path, body);
      }
    },
  };

  addEventListener("popstate", async () => {
    if (node.isConnected && trail.read()[0] !== trail.at) (await frame.panels()).comeBack(frame);
  });

  const safely = (work: () => unknown) => async () => {
    try {
      await work();
    } catch (error) {
      throw error instanceof Failure ? error : (await frame.panels()).apologize(frame, error);
    }
  };

  return frame;
}
