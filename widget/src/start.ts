// What the loader loads: a frame in the store's colors, and the view a shopper begins with.

import { Failure } from "./api";
import { h } from "./dom";
import { askOrder } from "./find";
import { makeFrame, type Frame, type Session } from "./frame";
import { openOrder, showOrder } from "./order";
import type { Found } from "./shapes";
import sheet from "./care.css";
import { isDark } from "./theme";
import more from "words:more";
import type { Table } from "./words";

/** What the loader knows: attributes of the element, the page's open sessions, the token of an e-mail's link. */
export interface Settings {
  core: string;
  store: string;
  theme: string;
  view: string;
  number: string;
  session: string;
  tag: string;
  link: string;
  host: HTMLElement;
  root: ShadowRoot;
  sessions: Record<string, Session>;
}

export interface Mounted {
  /** Give up what is under way: nobody looks any more. */
  pause(): void;
}

/** Put the widget in place of the loader's shape of it, once its first view is there. */
export async function mount(settings: Settings, table: Table, shape: HTMLElement): Promise<Mounted> {
  const { root, core, store, sessions, tag } = settings;
  const session = (sessions[store] ??= { token: "", found: null });
  const restart = (why: string) => askOrder(frame, settings.number, settings.view, why);
  const home = () => showOrder(frame);
  const frame = makeFrame({
    root,
    base: `${core}/shop/${store}`,
    core,
    session,
    table,
    more: more[tag]!,
    restart,
    home,
  });
  const box = h("div.care", { lang: tag, dir: table.dir }, frame.node);
  const place = shape.parentNode!;
  if (place instanceof HTMLDialogElement) {
    const close = { type: "button", "aria-label": frame.say("Close"), click: () => place.close() };
    box.insertBefore(h("button.close", close, "×"), frame.node);
  }
  frame.wear(sheet);
  if (isDark(settings)) box.className += " dark";
  await begin(frame, settings);
  place.replaceChild(box, shape);
  return { pause: frame.drop };
}

// An e-mail's link first, then where the shopper was on this page, then who is signed in at the store.
async function begin(frame: Frame, { link, session, number, view }: Settings): Promise<void> {
  try {
    if (link) return await openOrder(frame, await frame.call<Found>("open", { link }), view, false);
    if (frame.session.found) return showOrder(frame, false);
    if (session) {
      const { offerOrders } = await frame.load(() => import("./panels/signed"));
      if (await offerOrders(frame, session, (found) => openOrder(frame, found, view, false))) return;
    }
  } catch (error) {
    if (link) return askOrder(frame, number, view, error instanceof Failure ? error.message : "", false);
  }
  askOrder(frame, number, view, "", false);
}
