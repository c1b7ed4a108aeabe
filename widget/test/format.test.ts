import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import test from "node:test";
import { day, money } from "../src/panels/format";
import amounts from "./examples/money.json";

const TAGS = readdirSync("words").map((name) => name.replace(".json", ""));
const NOW = new Date("2026-11-21T12:00:00Z");

test("no minor unit is lost in any currency or language", () => {
  for (const tag of TAGS) {
    for (const { minor, currency, decimal } of amounts) {
      const shown = money(tag, minor, currency);
      assert.equal(shown.replace(/[^0-9]/g, ""), decimal.replace(".", ""), `${tag}: ${shown}`);
    }
  }
});

test("money stands as the language writes it", () => {
  assert.equal(money("en", 2390, "EUR"), "€23.90");
  assert.equal(money("lt", 2390, "EUR"), "23,90\u00a0€");
  assert.equal(money("en", -295, "EUR"), "-€2.95");
});

test("a day is the same day in every zone, and the year shows unless it is this one", () => {
  assert.equal(day("en", "2026-11-24", NOW), "Tuesday 24 November");
  assert.equal(day("en", "2027-01-01", NOW).includes("1 January 2027"), true);
  assert.equal(day("vi", "2026-11-24", NOW), "Thứ Ba, 24 tháng 11");
  assert.equal(day("zh", "2026-11-24", NOW), "11月24日星期二");
});

test("digits are Latin and years Gregorian everywhere", () => {
  for (const tag of ["th", "ar"]) assert.equal(/2027/.test(day(tag, "2027-01-04", NOW)), true, tag);
});
