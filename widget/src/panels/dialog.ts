// The sheet a floating button opens: the browser's own modal dialog, so focus, Escape and stacking are the browser's.

import css from "./dialog.css";

export function makeDialog(root: ShadowRoot, label: string): HTMLDialogElement {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", label);
  // A click on the backdrop is a click on the dialog itself, which its content covers.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return root.appendChild(dialog);
}
