"""What is wrong with the widgets of a page: for the eye, for a finger, for the keyboard, for axe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe

FAULTS = (Path(__file__).parent / "faults.js").read_text("utf-8")
DARK = (Path(__file__).parents[2] / "widget" / "src" / "panels" / "dark.css").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
COLORS = ["color-contrast", "link-in-text-block"]
"""The rules that another theme can break."""
LEAST = 24
"""Pixels a target has at least (WCAG 2.2, 2.5.8)."""
RUN = """options => axe.run(document, options).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
  nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)))"""
FOCUSED = """() => {
  const one = document.activeElement?.shadowRoot?.activeElement;
  if (!one) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const { top, bottom } = one.getBoundingClientRect();
  const isInView = bottom > 0 && top < innerHeight;
  return [one.tagName, outlineStyle !== "none" && parseFloat(outlineWidth) >= 2, isInView];
}"""


def faults(page: Any) -> list[str]:
    """Name what sticks out, is cut, overlaps or is too small to hit."""
    found: list[str] = page.evaluate(FAULTS, LEAST)
    return found


def violations(page: Any, rules: list[str] = RULES) -> list[str]:
    """Name what axe finds, by its tags or by single rules. Its own report knows no shadow roots."""
    if not page.evaluate("'axe' in window"):  # half of axe's time is being read
        page.evaluate(Axe().axe_script)
    kind = "rule" if rules is COLORS else "tag"
    found: list[str] = page.evaluate(RUN, {"runOnly": {"type": kind, "values": rules}, "resultTypes": ["violations"]})
    return found


def set_dark(page: Any, dark: bool) -> None:
    """Put the dark colors on what is shown, or take them off; `theme="dark"` does the same from the start."""
    page.evaluate(
        """([on, css]) => {
          const root = document.querySelector("after-care").shadowRoot;
          root.querySelector(".care").classList.toggle("dark", on);
          if (!on || root.isDressed) return;
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(css);
          root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
          root.isDressed = true;
        }""",
        [dark, DARK],
    )


def focus(page: Any) -> tuple[str, bool, bool] | None:
    """Give the tag of what has the focus in a widget, whether that shows, and whether it is in sight."""
    seen = page.evaluate(FOCUSED)
    return tuple(seen) if seen else None
