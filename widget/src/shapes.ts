// What the server answers, as far as the widget reads it. The unit tests hold real answers against these shapes.

/** A parcel as sentences; `stations` are [name, "done" | "now" | "ahead"], `items` [what, its picture's address],
 * `scans` [when, what, in the carrier's own words], `tone` is "ok", "wait", "late" or "". */
export interface Card {
  title: string;
  tone: string;
  headline: string;
  promise: string;
  promise_broken: boolean;
  window: string;
  why: string;
  age: string;
  carrier: string;
  tracking_number: string;
  tracking_url: string;
  stations: string[][];
  items: string[][];
  scans: string[][];
}

/** An order as sentences; `lines` are [when, what], `choices` are [label, answer], what a shopper whose parcel is late can do. */
export interface Page {
  title: string;
  placed: string;
  notes: string[];
  cards: Card[];
  lists: { title: string; lines: string[][] }[];
  choices: string[][];
  withdraw: string;
  footnote: string;
}

/** An order a token opens: its number, and the order in words. */
export interface Found {
  token: string;
  order_id: string;
  order: { number: string };
  page: Page | null;
}

/** Which ways lead to an order: the form for number and e-mail, and the address to sign in at, "" where there is none. */
export interface Ways {
  form: boolean;
  sign_in: string;
}
