// Light or dark: as the element says, else as the page around it is.

/** A page whose text is light has a dark background. What is not written as rgb() counts as dark text. */
export function isDark(host: Element, theme: string): boolean {
  if (theme) return theme === "dark";
  const rgb = /^rgba?\((\d+), (\d+), (\d+)/.exec(getComputedStyle(host).color);
  return !!rgb && 0.299 * +rgb[1]! + 0.587 * +rgb[2]! + 0.114 * +rgb[3]! > 128;
}
