import assert from "node:assert/strict";
import test from "node:test";
import { counter } from "../src/panels/format";
import { speak, type Line } from "../src/words";
import ar from "../words/ar.json";
import en from "../words/en.json";
import lt from "../words/lt.json";
import th from "../words/th.json";
import vi from "../words/vi.json";
import zh from "../words/zh.json";
import counted from "./examples/counted.json";

const ONE = "Add %(n)s photo";

test("every language counts as the server does", () => {
  for (const { tag, direction, words } of [ar, en, lt, th, vi, zh]) {
    const count = counter(speak({ tag, dir: direction, lines: [(words as Record<string, Line>)[ONE]!] }));
    const expected: Record<string, string> = counted[tag as keyof typeof counted];
    for (const n of Object.keys(expected)) assert.equal(count(0, 0, Number(n)), expected[n], `${tag} ${n}`);
  }
});

test("a name with a dollar sign is put in as it is", () => {
  const { say } = speak({ tag: "en", dir: "ltr", lines: [] });
  assert.equal(say("Remove %(name)s", { name: "$& %(name)s" }), "Remove $& %(name)s");
});

test("what a panel says is added behind what was known", () => {
  const words = speak({ tag: "en", dir: "ltr", lines: ["first"] });
  words.learn({ lines: ["second"] });
  assert.deepEqual([words.say(0), words.say(1)], ["first", "second"]);
});

test("every language says the same sentences", () => {
  for (const { words } of [ar, lt, th, vi, zh]) assert.deepEqual(Object.keys(words), Object.keys(en.words));
});
