// The compiler does the work here: real answers of the server must be what the widget takes them for.

import assert from "node:assert/strict";
import test from "node:test";
import type { Options, Quote, Rma, Withdrawal } from "../src/panels/shapes";
import type { Found } from "../src/shapes";
import choice from "./examples/choice.json";
import found from "./examples/found.json";
import message from "./examples/message.json";
import options from "./examples/options.json";
import orders from "./examples/orders.json";
import quote from "./examples/quote.json";
import rma from "./examples/return.json";
import declared from "./examples/withdrawal_declared.json";
import started from "./examples/withdrawal_started.json";

const answers: [Found, Found[], Options, Quote, Rma, Withdrawal, Withdrawal] = [
  found,
  orders.orders,
  options,
  quote,
  rma,
  started,
  declared,
];
const said: { meaning: string; button: string; after: string } = choice;
const sent: { sentence: string } = message;

test("every sentence the widget shows is there", () => {
  const [order, , , , opened] = answers;
  const card = order.page!.cards[0]!;
  for (const text of [order.page!.title, card.headline, card.promise, opened.headline, said.button, sent.sentence])
    assert.equal(text.length > 0, true);
});

test("card n is parcel n", () => {
  assert.equal(found.page.cards.length, found.order.parcels.length);
});
