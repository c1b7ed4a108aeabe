// What the loader loads: a frame in the store's colors, and the view a shopper begins with.

import { Failure } from "./api";
import { h } from "./dom";
import { askOrder } from "./find";
import { makeFrame, type Frame, type Session } from "./frame";
import { openOrder, showPlace } from "./order";
import type { Found } from "./shapes";
import sheet from "./care.css";
import { isDark } from "./theme";
import type { Table } from "./words";

/** What the loader knows: attributes of the element, the page's open sessions, the token of an e-mail's link. */
export interface Settings {
  /** Read an attribute; "" where it is not there. */
  read(name: string): string;
  core: string;
  tag: string;
  link: string;
  root: ShadowRoot;
  sessions: Record<string, Session>;
}

export interface Mounted {
  /** Give up what is under way: nobody looks any more. */
  pause(): void;
}

/** Put the widget in place of the loader's shape of it, once its first view is there. */
export async function mount(settings: Settings, table: Table, shape: HTMLElement): Promise<Mounted> {
  const { root, tag, read } = settings;
  const frame = makeFrame(settings, table, {
    go: (place, isAsked) => showPlace(frame, place, isAsked),
    search: (number, why, isAsked, place, tell) =>
      askOrder(frame, number, why, isAsked, (found) => {
        tell?.(found);
        return openOrder(frame, found, place);
      }),
  });
  const box = h("div.care", { lang: tag, dir: table.dir }, frame.node);
  const place = shape.parentNode;
  if (place instanceof HTMLDialogElement) {
    const close = { type: "button", "aria-label": frame.say("Close"), click: () => place.close() };
    box.insertBefore(h("button.close", close, "×"), frame.node);
  }
  frame.wear(sheet);
  const colors = isDark(root.host, read("theme")) && import("./panels/dark");
  await begin(frame, settings);
  if (colors) {
    box.className += " dark";
    frame.wear((await colors).dark);
  }
  if (frame.node.firstChild) shape.parentNode?.replaceChild(box, shape); // unless it was drawn anew meanwhile
  return { pause: frame.drop };
}

// An e-mail's link first, then where the shopper was on this page, then who is signed in at the store.
async function begin(frame: Frame, { link, read }: Settings): Promise<void> {
  const view = read("view");
  const address = read("session");
  let why = "";
  if (view === "replies") {
    const { showReplies } = await frame.load(() => import("./panels/replies"));
    return showReplies(frame, read("product"));
  }
  try {
    if (link) return await openOrder(frame, await frame.call<Found>("open", { link }), view, false);
    if ((address || frame.trail.place !== "find") && (await (await frame.panels()).resume(frame, address, view))) return;
  } catch (error) {
    if (link && error instanceof Failure) why = error.message;
  }
  if (frame.session.found) return showPlace(frame, "order", false);
  await frame.search(read("number"), why, false, view);
}
