// The element <after-care>, and as little as a page needs until somebody looks at it: a button, or the shape of what
// comes. Everything else is loaded from beside this file. README.md lists the attributes.

import labels from "words:loader";
import first from "words:first";
import text from "./loader.css";
import type { Mounted, Settings } from "./start";

const ours = new URL(import.meta.url).origin;
const ATTRIBUTES = ["store", "mode", "lang", "theme", "view", "product"];

/** What this page has opened, by store: a framework that makes the element anew loses nobody's place. */
const sessions: Settings["sessions"] = {};
let link = "";

// The link of an e-mail opens one order. It must not stay in the address bar, where history and analytics read it.
function takeLink(): void {
  const found = /^#aftercare=([\w.~-]+)$/.exec(location.hash);
  if (!found) return;
  link = found[1]!;
  history.replaceState(history.state, "", location.pathname + location.search);
}

class AfterCare extends HTMLElement {
  static observedAttributes = ATTRIBUTES;
  #root = this.attachShadow({ mode: "open" });
  #mounted: Promise<Mounted> | undefined;
  #drawn = "";

  connectedCallback(): void {
    this.draw();
  }

  attributeChangedCallback(): void {
    this.draw();
  }

  disconnectedCallback(): void {
    // A page that moves the element takes it out and puts it back at once: only one that stays away has ended.
    queueMicrotask(() => this.isConnected || this.#mounted?.then((mounted) => mounted.pause()));
  }

  /** Draw anew where the attributes changed, or a link waits to be opened. */
  draw(): void {
    const asked = ATTRIBUTES.map((name) => this.#read(name)).join();
    // Replies may turn out to be none, so nothing stands in their place; and no link is about them.
    const isQuiet = this.#read("view") === "replies";
    if (!this.isConnected || !this.#read("store") || (asked === this.#drawn && (isQuiet || !link))) return;
    this.#drawn = asked;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    const root = this.#root;
    root.adoptedStyleSheets = [sheet];
    while (root.firstChild) root.removeChild(root.firstChild);
    const tag = this.#language();
    const say = (line: string | number) => labels[tag]![line as number]!;
    if (this.#read("mode") === "button") this.#offer(tag, say("Order help"));
    else this.#load(root, tag, say("Order help"), isQuiet);
  }

  #offer(tag: string, label: string): void {
    let dialog: HTMLDialogElement | undefined;
    const open = async () => {
      const { makeDialog, openDialog } = await import("./panels/dialog");
      if (!dialog) this.#load((dialog = makeDialog(this.#root, label)), tag, label);
      openDialog(dialog);
    };
    this.#add("button", label, this.#root).addEventListener("click", open);
    if (link || history.state?.aftercareSheet) void open();
  }

  #load(place: Node, tag: string, label: string, isQuiet = false): void {
    const shape = this.#add("div", "", place);
    const core = this.#read("core") || ours;
    const settings: Settings = { read: (name) => this.#read(name), core, root: this.#root, sessions, tag, link: "" };
    if (!isQuiet) {
      shape.className = "wait";
      for (const _ of "1234") this.#add("i", "", shape);
      settings.link = link;
      link = "";
    }
    const loaded = Promise.all([import("./start"), first[tag]!()]);
    this.#mounted = loaded.then(([start, table]) => start.mount(settings, table, shape));
    this.#mounted.catch((error) => {
      console.error(error);
      if (isQuiet) return;
      // What could not be loaded is also a page of its own, without script.
      shape.textContent = "";
      const page = this.#add("a", label, shape);
      page.setAttribute("href", `${core}/find/${this.#read("store")}?lang=${tag}`);
    });
  }

  // The element's own lang, the page's around it, the browser's: the first that we speak, else English.
  #language(): string {
    const around = this.closest("[lang]")?.getAttribute("lang") ?? "";
    const wishes = [around, ...navigator.languages].map((wish) => wish.toLowerCase().split("-")[0]!);
    return wishes.filter((wish) => labels[wish])[0] ?? "en";
  }

  #read(name: string): string {
    return this.getAttribute(name) ?? "";
  }

  #add(tag: string, content: string, place: Node): HTMLElement {
    const made = document.createElement(tag);
    made.textContent = content;
    return place.appendChild(made);
  }
}

// A page may carry the script twice.
if (!customElements.get("after-care")) {
  takeLink();
  customElements.define("after-care", AfterCare);
  addEventListener("hashchange", () => {
    takeLink();
    if (link) document.querySelectorAll<AfterCare>("after-care:not([view=replies])").forEach((one) => one.draw());
  });
}
