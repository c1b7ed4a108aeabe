"""Take the README's pictures from a running demo: python tests/browser/take_shots.py (after `make demo`)."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import requests
from playwright.sync_api import sync_playwright

BASE = f"http://127.0.0.1:{os.environ.get('PORT', '8321')}"
TEMP = tempfile.gettempdir()
DOCS = Path(__file__).resolve().parents[2] / "docs"


def main() -> None:
    """Take four pictures and lay them side by side."""
    mails = requests.get(f"{BASE}/demo/mailbox.json", timeout=10).json()
    told = [
        mail for mail in mails if mail["kind"] == "delay" and mail["store"] == "Fern & Oak" and mail["language"] == "en"
    ]
    key = re.findall(r"/demo/store/(\w+)", requests.get(BASE, timeout=10).text)[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        phone = browser.new_page(viewport={"width": 390, "height": 760}, device_scale_factor=1.5)
        widget = phone.locator("#orders after-care")
        for late in told:  # until one is found whose parcel has not come meanwhile
            phone.goto(f"{BASE}/demo/store/{key}?lang=en")
            widget.locator("input").nth(0).fill(late["order"])
            widget.locator("input").nth(1).fill(late["to"])
            widget.locator("button.primary").click()
            widget.locator("h3").first.wait_for()
            if "Now expected" in widget.locator("h3").first.inner_text():
                break
        widget.evaluate("one => one.scrollIntoView()")
        phone.screenshot(path=f"{TEMP}/shot_widget.png")
        phone.goto(f"{BASE}/demo/mailbox/{late['id']}/html")
        phone.screenshot(path=f"{TEMP}/shot_mail.png")
        desk = browser.new_page(viewport={"width": 1200, "height": 760}, device_scale_factor=1.5)
        desk.goto(f"{BASE}/demo/desk/{key}")
        desk.screenshot(path=f"{TEMP}/shot_desk.png")
        desk.get_by_role("link", name="Returns").first.click()
        desk.locator("main table a").first.click()
        desk.screenshot(path=f"{TEMP}/shot_return.png")
        side = browser.new_page(viewport={"width": 1660, "height": 1580})
        pictures = "".join(
            f'<img src="file://{TEMP}/shot_{name}.png" height="760">' for name in ("widget", "desk", "mail", "return")
        )
        Path(f"{TEMP}/side.html").write_text(
            f'<body style="margin:20px;background:#e6e9ec;display:flex;flex-wrap:wrap;gap:20px">{pictures}'
        )
        side.goto(f"file://{TEMP}/side.html")
        DOCS.mkdir(exist_ok=True)
        side.screenshot(path=str(DOCS / "demo.png"))
        browser.close()


if __name__ == "__main__":
    main()
