// What a shopper has filled in of a return, as plain values: what is still missing, and what the server is asked.

import type { Line, Options, Reason } from "./shapes";

export interface Pick {
  quantity: number;
  reason: string;
  answers: Record<string, string>;
  /** What the shopper would like in its place, in their words, where they wish for an exchange. */
  instead: string;
  /** One of the store's offers for it; "" where none was chosen. */
  offer: string;
}

/** How the order is to come back: a gift is exchanged or credited and shows no price, a warranty claim is no return. */
export type Way = "" | "gift" | "warranty";

/** Give what tells the server which way it is, in a body as in an address. */
export function told(way: Way): object {
  return way === "gift" ? { gift: true } : way ? { kind: way } : {};
}

export interface Draft {
  way: Way;
  picks: Record<string, Pick>;
  photos: { id: string; name: string }[];
  wish: string;
  comment: string;
}

export function blank(options: Options, way: Way = ""): Draft {
  return { way, picks: {}, photos: [], wish: options.wishes[0]?.key ?? "refund", comment: "" };
}

/** Choose how many of a line go back; none takes the line out again, and forgets its reason. */
export function choose(draft: Draft, ref: string, quantity: number): void {
  const { picks } = draft;
  if (quantity > 0) picks[ref] = { ...(picks[ref] ?? { reason: "", answers: {}, instead: "", offer: "" }), quantity };
  else delete picks[ref];
}

export function refs(draft: Draft): string[] {
  return Object.keys(draft.picks);
}

export function chosenOf({ lines }: Options, { picks }: Draft): Line[] {
  return lines.filter((line) => picks[line.ref]);
}

/** Give the most that could come back, in minor units, before fees are known. */
export function upTo(draft: Draft, options: Options): number {
  let sum = 0;
  for (const line of options.lines) sum += (line.value ?? 0) * (draft.picks[line.ref]?.quantity ?? 0);
  return sum;
}

export function reasonOf(draft: Draft, options: Options, ref: string): Reason | undefined {
  return options.reasons.filter((one) => one.key === draft.picks[ref]?.reason)[0];
}

/** Give how many photos the chosen reasons ask for: the most that one of them does. */
export function photosWanted(draft: Draft, options: Options): number {
  return Math.max(0, ...refs(draft).map((ref) => reasonOf(draft, options, ref)?.photos ?? 0));
}

/** Name the field that is still to be filled in: "<ref>" its reason, "<ref> <question>", "photos"; "" where none is. */
export function lacks(draft: Draft, options: Options): string {
  for (const ref of refs(draft)) {
    const reason = reasonOf(draft, options, ref);
    if (!reason) return ref;
    const open = reason.questions.filter((one) => one.required && !draft.picks[ref]!.answers[one.key])[0];
    if (open) return `${ref} ${open.key}`;
  }
  return draft.photos.length < photosWanted(draft, options) ? "photos" : "";
}

/** Say whether the server can be asked what the draft would bring: something is chosen, and each has its reason. */
export function canQuote(draft: Draft): boolean {
  const chosen = refs(draft);
  return chosen.length > 0 && chosen.every((ref) => draft.picks[ref]!.reason);
}

/** Give the body that asks for a quote, or with a comment opens the return. */
export function bodyOf(draft: Draft, options: Options): object {
  const lines = refs(draft).map((ref) => {
    const { quantity, reason, answers, instead, offer } = draft.picks[ref]!;
    const line = { ref, quantity, reason, wish: draft.wish, answers };
    if (draft.wish !== "exchange") return line;
    if (offer) return { ...line, exchange_offer: offer };
    return instead ? { ...line, exchange_for: instead } : line;
  });
  const photos = draft.photos.map((one) => one.id);
  const body = { order: options.order_id, lines, photos, ...told(draft.way) };
  return draft.comment ? { ...body, comment: draft.comment } : body;
}
