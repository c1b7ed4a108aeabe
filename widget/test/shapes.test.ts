// The compiler does the work here: real answers of the server must be what the widget takes them for.

import assert from "node:assert/strict";
import test from "node:test";
import type { Replies } from "../src/panels/replies";
import type { Options, Quote, Rma, Variant, Withdrawal } from "../src/panels/shapes";
import type { Found } from "../src/shapes";
import choice from "./examples/choice.json";
import found from "./examples/found.json";
import message from "./examples/message.json";
import options from "./examples/options.json";
import gift from "./examples/options_gift.json";
import warranty from "./examples/options_warranty.json";
import exchange from "./examples/options_exchange.json";
import orders from "./examples/orders.json";
import quote from "./examples/quote.json";
import dearer from "./examples/quote_exchange.json";
import replies from "./examples/replies.json";
import rma from "./examples/return.json";
import exchanged from "./examples/return_exchange.json";
import variants from "./examples/variants.json";
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
const otherWays: [Options, Options] = [gift, warranty];
const exchanges: [Options, { variants: Variant[] }, Quote, Rma] = [exchange, variants, dearer, exchanged];
const answered: Replies = replies;
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

test("a gift shows no price, and what broke is repaired or replaced before money comes back", () => {
  const [its, claim] = otherWays;
  assert.deepEqual(its.lines.map((line) => line.value), [null, null]);
  assert.deepEqual(its.wishes.map((one) => one.key), ["exchange", "store_credit"]);
  assert.deepEqual(claim.wishes.map((one) => one.key), ["repair", "exchange", "refund"]);
});

test("an answered review has its answer and both their moments", () => {
  const [first] = answered.replies;
  assert.deepEqual([first!.rating, first!.reply.text.length > 0, answered.more], [5, true, false]);
  for (const at of [first!.posted_at, first!.reply.at]) assert.equal(Number.isNaN(Date.parse(at)), false);
});

test("an exchange is told by the server, in the quote as in the return", () => {
  const [options, { variants }, quote, rma] = exchanges;
  assert.equal(options.lines[0]!.has_variants, true);
  assert.equal(variants.length, 3);
  assert.equal(quote.exchange, rma.exchange);
});
