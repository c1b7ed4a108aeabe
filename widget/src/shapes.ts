// What the server answers, as far as the widget reads it. The unit tests hold real answers against these shapes.

/** A parcel as sentences; `stations` are [name, "done" | "now" | "ahead"], `scans` are [when, what]. */
export interface Card {
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
  items: string[];
  scans: string[][];
}

/** An order as sentences; `choices` are [label, answer], what a shopper whose parcel is late can do. */
export interface Page {
  title: string;
  placed: string;
  notes: string[];
  cards: Card[];
  told: string[][];
  choices: string[][];
  withdraw: string;
  footnote: string;
}

export interface Parcel {
  status: string;
  items: { image_url: string }[];
}

/** An order a token opens: its facts, and the same in words (card n is parcel n). */
export interface Found {
  token: string;
  order_id: string;
  order: { number: string; state: string; parcels: Parcel[] };
  page: Page | null;
}
