// Elements from plain values. Nothing here parses markup: whatever a store or a shopper wrote arrives as text. Only the
// oldest verbs of the DOM are used, because pages come with libraries that replaced the newer ones.

export type Child = Node | string | number | false | null | undefined | readonly Child[];
export type Props = Record<string, unknown>;

const ADDRESS = /^(https?:|blob:)/i;

/** Make an element: "p.muted" names tag and classes, a function is a listener, true an empty attribute. */
export function h(name: string, props?: Props | null, ...children: Child[]): HTMLElement {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag!);
  if (classes.length) made.className = classes.join(" ");
  if (props) Object.keys(props).forEach((key) => set(made, key, props[key]));
  add(made, children);
  return made;
}

function set(made: HTMLElement, key: string, value: unknown): void {
  if (typeof value === "function") made.addEventListener(key, value as EventListener);
  else if (value === false || value == null) return;
  // An address that is no web address ("javascript:") is left out.
  else if ((key !== "href" && key !== "src") || ADDRESS.test(String(value)))
    made.setAttribute(key, value === true ? "" : String(value));
}

function add(place: Node, child: Child): void {
  if (Array.isArray(child)) child.forEach((one) => add(place, one as Child));
  else if (child instanceof Node) place.appendChild(child);
  else if (child || child === 0) place.appendChild(document.createTextNode(String(child)));
}

/** Put this in place of all that a node holds. */
export function fill(place: Node, ...children: Child[]): void {
  while (place.firstChild) place.removeChild(place.firstChild);
  add(place, children);
}
