// Headings, fields and buttons, each with its own place for what went wrong.

import type { Failure } from "./api";
import { fill, h, type Child, type Props } from "./dom";

/** A labeled input with its own place for what is wrong. */
export interface Field {
  box: HTMLElement;
  input: HTMLInputElement;
  value(): string;
  /** Say beside the field what is wrong and take the shopper there; "" takes it back. */
  fail(problem: string): void;
}

let made = 0;

/** A view: a heading that can take the focus, and what is under it. */
export function view(title: string, ...children: Child[]): HTMLElement {
  return h("section.view", null, h("h2", { tabindex: "-1" }, title), children);
}

export function heading(node: HTMLElement): HTMLElement | null {
  return node.querySelector("h2");
}

/** A labeled field; `props` go to the input, "textarea" makes it a tall one. */
export function field(label: string, props: Props = {}, tag = "input"): Field {
  const id = `f${++made}`;
  const input = h(tag, { id, dir: "auto", ...props }) as HTMLInputElement;
  const problem = h("p.problem", { id: `${id}p`, hidden: true });
  return {
    input,
    box: h("p.field", null, h("label", { for: id }, label), input, problem),
    value: () => input.value.trim(),
    fail(text) {
      fill(problem, text);
      problem.hidden = !text;
      input.setAttribute("aria-invalid", String(!!text));
      if (!text) return;
      input.setAttribute("aria-describedby", problem.id);
      input.focus();
    },
  };
}

/** A button that is busy until its work is done, and says above itself why it could not be. It may raise Failure only. */
export function press(label: string, work: () => unknown, kind = ""): HTMLElement {
  const button = h(`button${kind}`, { type: "button", click: () => void attempt(button, work) }, label);
  return button;
}

/** Fields under one button; the Enter key presses it. */
export function form(label: string, work: () => unknown, ...children: Child[]): HTMLElement {
  const button = h("button.primary", null, label);
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(button, work);
  };
  return h("form", { submit, novalidate: true }, children, button);
}

// A button that its own work took away must not take the focus with it.
function follow(place: HTMLElement): void {
  place.setAttribute("tabindex", "-1");
  place.focus();
}

async function attempt(button: HTMLElement, work: () => unknown): Promise<void> {
  if (button.getAttribute("aria-busy") === "true") return;
  const place = button.parentNode!;
  const before = button.previousElementSibling;
  if (before?.className === "problem") place.removeChild(before);
  button.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    const said = (error as Failure).message;
    if (said && button.isConnected) place.insertBefore(h("p.problem", { role: "alert" }, said), button);
  } finally {
    button.setAttribute("aria-busy", "false");
    if (!button.isConnected && place.isConnected) follow(place as HTMLElement);
  }
}
