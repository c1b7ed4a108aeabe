"""P8: Lighthouse's own figures of the example shop, with the widget and without: four scores out of 100."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import partial
from typing import Any

from benchmarks import measure
from benchmarks.measure import Sample
from benchmarks.p8_widget import serving

SCORES = {"performance": "performance", "accessibility": "accessibility", "best-practices": "practices", "seo": "SEO"}
"""Lighthouse's categories, and what they are called here."""
TIMES = {"largest-contentful-paint": "LCP ms", "total-blocking-time": "blocked ms", "cumulative-layout-shift": "CLS"}
LIMIT = 120
"""Seconds one look may take."""


def main() -> None:
    """Let Lighthouse, as it comes (a phone on Slow 4G, simulated), look at both pages in turn."""
    command = shutil.which("lighthouse")
    if command is None:
        print("Lighthouse is left out: npm install --global lighthouse brings it.")
        return
    with serving() as base:
        pages = {"with": f"{base}/with.html", "without": f"{base}/without.html"}
        samples = measure.alternate({name: partial(_look, command, page) for name, page in pages.items()})
    measure.show("P8 Lighthouse, the example shop  [budget: scores differ by less than 2 points]", samples)


def _look(command: str, page: str) -> Sample:
    only = f"--only-categories={','.join(SCORES)}"
    flags = ["--quiet", "--output=json", "--chrome-flags=--headless=new --no-sandbox --disable-gpu", only]
    env = {"CHROME_PATH": shutil.which("chromium") or "", **os.environ}
    told = subprocess.run([command, page, *flags], env=env, capture_output=True, check=True, timeout=LIMIT)
    seen: dict[str, Any] = json.loads(told.stdout)
    scores = {title: 100 * seen["categories"][name]["score"] for name, title in SCORES.items()}
    return scores | {title: seen["audits"][name]["numericValue"] for name, title in TIMES.items()}


if __name__ == "__main__":
    main()
