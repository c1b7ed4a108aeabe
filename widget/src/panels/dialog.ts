// The sheet a floating button opens: the browser's own modal dialog, so focus, Escape and stacking are the browser's.
// Whether it is open is said by the page's history, so that Back closes it and a reload opens it again.

import css from "./dialog.css";

const isAsked = () => !!history.state?.aftercareSheet;
const ask = (aftercareSheet: boolean) =>
  isAsked() !== aftercareSheet && history.pushState({ ...history.state, aftercareSheet }, "");

export function makeDialog(root: ShadowRoot, label: string): HTMLDialogElement {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", label);
  // A click on the backdrop is a click on the dialog itself, which its content covers.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => ask(false));
  addEventListener("popstate", () => {
    if (!dialog.isConnected) return;
    if (!isAsked()) dialog.close();
    else if (!dialog.open) dialog.showModal();
  });
  return root.appendChild(dialog);
}

export function openDialog(dialog: HTMLDialogElement): void {
  if (!dialog.open) dialog.showModal();
  ask(true);
}
