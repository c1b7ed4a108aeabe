// Light or dark: as the element says, else as the page around it is.

/** A page whose text is light has a dark background. What is not written as rgb() counts as dark text. */
export function isDark(host: Element, theme: string): boolean {
  if (theme) return theme === "dark";
  const rgb = /^rgba?\((\d+), (\d+), (\d+)/.exec(getComputedStyle(host).color);
  return !!rgb && +rgb[1]! + 2 * +rgb[2]! + +rgb[3]! > 512;
}
