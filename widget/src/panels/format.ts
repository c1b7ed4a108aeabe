// Money and days as the shopper's language writes them. The server does the same in the sentences it sends.

import type { Words } from "../words";

// ISO 4217's minor units, as in core/money.py; Intl's digits are CLDR's, which shows fewer for some.
const DIGITS: readonly [number, string][] = [
  [0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"],
  [3, "BHD IQD JOD KWD LYD OMR TND"],
  [4, "CLF UYW"],
];

// Latin digits and the Gregorian calendar everywhere, as on the store's own pages.
const PLAIN = "-u-ca-gregory-nu-latn";

/** Write minor units as people read them; no minor unit is ever rounded away. */
export function money(tag: string, minor: number, currency: string): string {
  const digits = DIGITS.filter(([, codes]) => codes.includes(currency))[0]?.[0] ?? 2;
  const exact = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const format = new Intl.NumberFormat(tag + PLAIN, { style: "currency", currency, ...exact });
  return format.format(minor / 10 ** digits);
}

/** Give the form of a counted sentence that goes with `n`; `%(n)s` is `n`. */
export function counter({ tag, say, line }: Words): (one: string | number, many: string | number, n: number) => string {
  return (one, many, n) => {
    const known = line(one);
    const forms: Record<string, string> = typeof known === "string" ? { one: known, other: String(many) } : known;
    const form = forms[new Intl.PluralRules(tag).select(n)] ?? forms.other!;
    return say(form, { n });
  };
}

/** Write a day ("2026-11-24") or an instant as its day, with the weekday; the year only where it is not this one. */
export function day(tag: string, text: string, now = new Date()): string {
  const at = new Date(text);
  return new Intl.DateTimeFormat((tag === "en" ? "en-GB" : tag) + PLAIN, {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: text.startsWith(String(now.getFullYear())) ? undefined : "numeric",
    timeZone: text.length === 10 ? "UTC" : undefined, // a day is the same day everywhere
  }).format(at);
}
