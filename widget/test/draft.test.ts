import assert from "node:assert/strict";
import test from "node:test";
import { blank, bodyOf, canQuote, choose, lacks, photosWanted, upTo, type Draft, type Way } from "../src/panels/draft";
import type { Options } from "../src/panels/shapes";
import example from "./examples/options.json";
import giftExample from "./examples/options_gift.json";

const options: Options = example;
const gift: Options = giftExample;
const [mug, pot] = options.lines;

/** A draft with these reasons, by line. */
function draftOf(reasons: Record<string, string>): Draft {
  const draft = blank(options);
  Object.keys(reasons).forEach((ref) => {
    choose(draft, ref, 1);
    draft.picks[ref]!.reason = reasons[ref]!;
  });
  return draft;
}

test("nothing chosen is worth nothing and cannot be weighed", () => {
  const draft = blank(options);
  assert.deepEqual([upTo(draft, options), canQuote(draft)], [0, false]);
});

test("the most that can come back is what the chosen units cost", () => {
  const draft = blank(options);
  choose(draft, mug!.ref, 2);
  choose(draft, pot!.ref, 1);
  assert.equal(upTo(draft, options), 2 * 1850 + 4900);
});

test("a line taken out again forgets its reason, one with another quantity does not", () => {
  const draft = draftOf({ [mug!.ref]: "damaged" });
  choose(draft, mug!.ref, 2);
  assert.equal(draft.picks[mug!.ref]!.reason, "damaged");
  choose(draft, mug!.ref, 0);
  choose(draft, mug!.ref, 1);
  assert.equal(draft.picks[mug!.ref]!.reason, "");
});

test("it is weighed once every chosen line has its reason", () => {
  const draft = draftOf({ [mug!.ref]: "changed_mind", [pot!.ref]: "" });
  assert.deepEqual([canQuote(draft), lacks(draft, options)], [false, pot!.ref]);
  draft.picks[pot!.ref]!.reason = "changed_mind";
  assert.deepEqual([canQuote(draft), lacks(draft, options)], [true, ""]);
});

test("a reason that wants to be seen wants its photos", () => {
  const draft = draftOf({ [mug!.ref]: "damaged" });
  assert.deepEqual([photosWanted(draft, options), lacks(draft, options)], [1, "photos"]);
  draft.photos.push({ id: "9", name: "crack.jpg" });
  assert.equal(lacks(draft, options), "");
});

test("a required question that waits for its answer is named", () => {
  const question = { key: "where", label: "Where?", choices: [], required: true };
  const asking: Options = {
    ...options,
    reasons: options.reasons.map((one) => ({ ...one, photos: 0, questions: [question] })),
  };
  const draft = draftOf({ [mug!.ref]: "damaged" });
  assert.equal(lacks(draft, asking), `${mug!.ref} where`);
  draft.picks[mug!.ref]!.answers.where = "At the rim";
  assert.equal(lacks(draft, asking), "");
});

test("the server is asked with the wish on every line, and a comment only where there is one", () => {
  const draft = draftOf({ [mug!.ref]: "changed_mind" });
  draft.wish = "exchange";
  const lines = [{ ref: mug!.ref, quantity: 1, reason: "changed_mind", wish: "exchange", answers: {} }];
  assert.deepEqual(bodyOf(draft, options), { order: options.order_id, lines, photos: [] });
  draft.comment = "Thank you";
  assert.deepEqual(bodyOf(draft, options), { order: options.order_id, lines, photos: [], comment: "Thank you" });
});

test("what is wanted instead goes with its line, and only where an exchange is wished for", () => {
  const draft = draftOf({ [mug!.ref]: "changed_mind", [pot!.ref]: "changed_mind" });
  draft.picks[mug!.ref]!.instead = "sand, large";
  assert.equal(JSON.stringify(bodyOf(draft, options)).includes("exchange_for"), false);
  draft.wish = "exchange";
  const { lines } = bodyOf(draft, options) as { lines: { exchange_for?: string }[] };
  assert.deepEqual(lines.map((line) => line.exchange_for), ["sand, large", undefined]);
});

test("a gift and a warranty claim say so, in a body as in an address", () => {
  const body = (way: Way) => bodyOf(blank(options, way), options);
  const plain = { order: options.order_id, lines: [], photos: [] };
  assert.deepEqual(body(""), plain);
  assert.deepEqual(body("gift"), { ...plain, gift: true });
  assert.deepEqual(body("warranty"), { ...plain, kind: "warranty" });
});

test("a gift is worth nothing that could be shown", () => {
  const draft = blank(gift, "gift");
  choose(draft, gift.lines[0]!.ref, 2);
  assert.equal(upTo(draft, gift), 0);
});
