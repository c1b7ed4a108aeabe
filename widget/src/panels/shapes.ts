// What the server answers about returns, withdrawals and messages, as far as the widget reads it. Amounts are minor
// units, days ISO dates, moments ISO instants; every `sentence` and `label` is in the shopper's language already.

export interface Objection {
  sentence: string;
  offer: { sentence: string };
}

export interface Line {
  ref: string;
  title: string;
  variant: string;
  image_url: string;
  left: number;
  value: number | null;
  answer: string;
  window_sentence: string;
  has_variants: boolean;
  objections: Objection[];
  /** `exempt` may be declared too, but is not proposed. */
  withdrawal: { open: boolean; exempt: boolean; sentence: string } | null;
}

/** A follow-up question; no choices mean free text. */
export interface Question {
  key: string;
  label: string;
  choices: { key: string; label: string }[];
  required: boolean;
}

export interface Reason {
  key: string;
  label: string;
  photos: number;
  questions: Question[];
}

export interface Options {
  order_id: string;
  currency: string;
  lines: Line[];
  reasons: Reason[];
  wishes: { key: string; label: string }[];
  gift_label: string;
  warranty_label: string;
  not_offered: string;
  cancel: { possible: boolean; sentence: string; label: string; warning: string; sure: string };
  withdrawal: {
    available: boolean;
    late: boolean;
    sentence: string;
    cheaper: string;
    label: string;
    heading: string;
    not_advice: string;
  };
  returns: Rma[];
  withdrawals: Withdrawal[];
}

export interface Entry {
  label: string;
  amount: number;
  note: string;
}

/** What the store has instead of a line; `offer` names it in the request. */
export interface Variant {
  offer: string;
  label: string;
  image_url: string;
  in_stock: boolean;
}

export interface Quote {
  answer: string;
  exchange: string;
  amount: number | null;
  currency: string;
  explanation: Entry[];
  lines: { ref: string; answer: string; objections: Objection[] }[];
  photos_required: number;
  refund_sentence: string;
  way_back_sentence: string;
  withdrawal_sentence: string;
}

export interface Rma {
  id: string;
  rma: string;
  /** "return", "warranty" or "cancel". */
  kind: string;
  status: string;
  headline: string;
  sentence: string;
  steps: { label: string; at: string | null; state: string }[];
  lines: {
    title: string;
    variant: string;
    quantity: number;
    accepted: number | null;
    reason_label: string;
    exchange_for: string;
    note: string;
  }[];
  exchange: string;
  amount: number | null;
  currency: string;
  explanation: Entry[];
  reimbursements: { sentence: string; link: string }[];
  instructions: string[];
  label_url: string;
  due: { sentence: string } | null;
  can_cancel: boolean;
  labels: { see: string; cancel: string; sure: string };
  can_tell_sent: boolean;
}

export interface Withdrawal {
  id: string;
  number: string;
  state: string;
  statement: string;
  lines: { title: string; quantity: number; exempt: string }[];
  sentence: string;
  receipt: { text: string; hash: string; hash_label: string; note: string; print_label: string } | null;
  mailed_to: string;
  refund_sentence: string;
  lost_value_sentence: string;
  photos: { url: string }[];
  postage_sentence: string;
  send_back_by: string | null;
  can_prove_sent: boolean;
  confirm_heading: string;
  confirm_label: string;
  see_label: string;
  not_advice: string;
}
