// What the store answered under a product's reviews, where its platform cannot show answers. Nothing where there is
// nothing: no heading, no space, no word about what went wrong.

import type { Frame } from "../frame";
import css from "./replies.css";

interface Answered {
  review: string;
  /** One to five stars. */
  rating: number;
  title: string;
  text: string;
  author: string;
  posted_at: string;
  verified: boolean;
  reply: { text: string; at: string };
}

/** One page of answered reviews, newest first; the unit tests hold an example against it. */
export interface Replies {
  replies: Answered[];
  more: boolean;
}

/** Show the first answered reviews of a product (the store's ref), with a way to further ones. */
export async function showReplies(frame: Frame, product: string): Promise<void> {
  const { say, h } = frame;
  const list = h("ol");
  let page = 0;

  async function add(): Promise<Element | null> {
    const known = list.children.length;
    const path = `replies?product=${encodeURIComponent(product)}&page=${page + 1}`;
    const { replies, more } = await frame.call<Replies>(path);
    page += 1;
    replies.forEach((one) => list.appendChild(h("li", { tabindex: "-1" }, draw(frame, one))));
    further.hidden = !more;
    return list.children[known] ?? null;
  }

  // Who asked for more goes on reading at the first new one.
  const further = frame.press(say("Show more"), async () => ((await add()) as HTMLElement | null)?.focus());
  try {
    if (!product || !(await add())) return;
  } catch {
    return;
  }
  frame.wear(css);
  frame.show(frame.view(say("Replies from the store"), about(frame), list, further), false);
}

// Directive 2005/29/EC, Art. 7(6): whether and how reviews are known to be by buyers is said where they are shown. The
// sentence claims no more than every platform's mark can hold.
function about({ say, h }: Frame): HTMLElement {
  const marked = say(
    "“Bought at this store” means that the store's system knows an order by the writer; of other reviews it is not known whether the writer bought it.",
  );
  const shown = say(
    "Shown here are the published reviews that the store has replied to, whatever their stars, the newest reply first.",
  );
  return h("p.muted", null, `${marked} ${shown}`);
}

function draw(frame: Frame, { rating, title, text, author, posted_at, verified, reply }: Answered): HTMLElement {
  const { say, h } = frame;
  const stars = { role: "img", "aria-label": say("%(n)s of 5 stars", { n: rating }) };
  return h(
    "article",
    null,
    h("p.stars", stars, "★★★★★".slice(0, rating), h("span", null, "★★★★★".slice(rating))),
    title && h("h3", { dir: "auto" }, title),
    text && h("p", { dir: "auto" }, text),
    h(
      "p.muted",
      null,
      author && [h("bdi", null, author), " · "],
      when(frame, posted_at),
      verified && [" · ", say("Bought at this store")],
    ),
    h(
      "blockquote",
      null,
      h("p.muted", null, say("The store replied"), " · ", when(frame, reply.at)),
      h("p", { dir: "auto" }, reply.text),
    ),
  );
}

// Latin digits and the Gregorian calendar, as everywhere; importing format.ts would make a file of what is shared.
function when({ h, tag }: Frame, at: string): HTMLElement {
  const language = `${tag === "en" ? "en-GB" : tag}-u-ca-gregory-nu-latn`;
  const day = new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(new Date(at));
  return h("time", { datetime: at }, day);
}
