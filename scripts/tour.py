#!/usr/bin/env python
"""Take the README's pictures from a running demo, as each seat sees it.

    .venv/bin/python scripts/tour.py [ADDRESS] [--only NAME,NAME] [--to FOLDER]

Needs the packages of requirements-dev.txt and a Chromium of the machine. A picture whose page
is not there yet (no report before the first consent) is left out and named.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from playwright.sync_api import Error as BrowserError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.small_png import small_png  # noqa: E402

PASSWORD = "openfloor demo"
LOGINS = {
    "supplier": "f02@demo.example",
    "buyer": "buyer@demo.example",
    "lender": "lender@demo.example",
    "operator": "operator@demo.example",
}
UID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
WIDE = (1440, 900)
PHONE = (390, 844)
MOST_BYTES = 150_000
SETTLE_MS = 1200
"""Charts draw and the live line connects after the page has loaded."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture: whose page, how to get there, and how it is looked at."""

    name: str
    seat: str
    start: str
    follow: tuple[str, ...] = ()
    """Patterns: on each page the first link whose path matches one is opened."""
    then: str = ""
    """Added to the address at the end of the way."""
    language: str = "en"
    theme: str = "light"
    size: tuple[int, int] = WIDE
    show: str = ""
    """What to scroll to, as a CSS selector; the top of the page otherwise."""


SHOTS = (
    Shot(name="supplier-operations", seat="supplier", start="/supplier/"),
    Shot(name="supplier-capacity", seat="supplier", start="/supplier/capacity/"),
    Shot(
        name="supplier-offer",
        seat="supplier",
        start="/supplier/offers/?state=all",
        follow=(f"/supplier/offers/{UID}/",),
    ),
    Shot(
        name="supplier-work-order",
        seat="supplier",
        start="/supplier/work/?state=all",
        follow=(f"/supplier/work/{UID}/",),
    ),
    Shot(name="supplier-phone", seat="supplier", start="/supplier/", size=PHONE),
    Shot(name="buyer-home", seat="buyer", start="/buyer/"),
    Shot(
        name="buyer-order",
        seat="buyer",
        start="/buyer/orders/",
        follow=(f"/buyer/orders/{UID}/",),
    ),
    Shot(
        name="buyer-plans",
        seat="buyer",
        start="/buyer/orders/",
        follow=(f"/buyer/orders/{UID}/",),
        then="plans/",
    ),
    Shot(
        name="buyer-plan",
        seat="buyer",
        start="/buyer/orders/",
        follow=(f"/buyer/orders/{UID}/", f"/buyer/plans/{UID}/"),
        show=".gantt",
    ),
    Shot(
        name="buyer-order-zh-dark",
        seat="buyer",
        start="/buyer/orders/",
        follow=(f"/buyer/orders/{UID}/",),
        language="zh-hans",
        theme="dark",
    ),
    Shot(name="lender-desk", seat="lender", start="/lender/"),
    Shot(
        name="lender-report",
        seat="lender",
        start="/lender/reports/",
        follow=(f"/lender/reports/{UID}/",),
    ),
    Shot(name="operator-queues", seat="operator", start="/operator/"),
    Shot(name="operator-money", seat="operator", start="/operator/money/"),
    Shot(
        name="operator-money-zh-dark",
        seat="operator",
        start="/operator/money/",
        language="zh-hans",
        theme="dark",
    ),
)


class NotThere(Exception):
    """A page of the tour that the site does not have yet."""


def main() -> int:
    """Take every picture that can be taken; return 1 when one is missing or too large."""
    arguments = _arguments()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("There is no Chromium on this machine: apt-get install chromium.", file=sys.stderr)
        return 1
    arguments.to.mkdir(parents=True, exist_ok=True)
    chosen = [shot for shot in SHOTS if not arguments.only or shot.name in arguments.only]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        return _take_all(browser, arguments.address, chosen, arguments.to)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Take the README's pictures.")
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "tour")
    return parser.parse_args()


def _take_all(browser: Browser, address: str, shots: list[Shot], folder: Path) -> int:
    faults = 0
    for seat in dict.fromkeys(shot.seat for shot in shots):
        context = browser.new_context(reduced_motion="reduce", locale="en-GB")
        _sign_in(context, address, seat)
        for shot in (one for one in shots if one.seat == seat):
            try:
                picture = _take(context, address, shot)
            except (NotThere, BrowserError) as missing:
                faults += 1
                print(f"{shot.name:24} not taken: {str(missing).splitlines()[0]}", flush=True)
                continue
            (folder / f"{shot.name}.png").write_bytes(picture)
            faults += len(picture) > MOST_BYTES
            note = " (too large)" if len(picture) > MOST_BYTES else ""
            print(f"{shot.name:24} {len(picture) / 1000:.0f} kB{note}", flush=True)
        context.close()
    return 1 if faults else 0


def _sign_in(context: BrowserContext, address: str, seat: str) -> None:
    page = context.new_page()
    page.goto(f"{address}/sign-in/")
    page.fill("input[name=email]", LOGINS[seat])
    page.fill("input[name=password]", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    if "/sign-in/" in page.url:
        raise SystemExit(f"{LOGINS[seat]} could not sign in at {address}: is the demo there?")
    page.close()


def _take(context: BrowserContext, address: str, shot: Shot) -> bytes:
    context.add_cookies([{"name": "theme", "value": shot.theme, "url": address}])
    page = context.new_page()
    page.set_viewport_size({"width": shot.size[0], "height": shot.size[1]})
    page.goto(f"{address}{shot.start}")
    before = page.locator("html").get_attribute("lang") or "en"
    _speak(page, shot.language)
    try:
        for pattern in shot.follow:
            page.goto(address + _first_link(page, pattern))
        if shot.then:
            page.goto(page.url + shot.then)
        if shot.show:
            page.locator(shot.show).first.evaluate(
                "element => scrollTo(0, element.getBoundingClientRect().top - 72)"
            )
        page.wait_for_timeout(SETTLE_MS)
        return small_png(page, page.screenshot())
    finally:
        _speak(page, before)
        page.close()


def _speak(page: Page, language: str) -> None:
    """Choose a language by the page's own menu; it stays with the person."""
    if page.locator("html").get_attribute("lang") == language:
        return
    button = page.locator(f"#language-menu button[value='{language}']")
    with page.expect_navigation():
        button.evaluate("button => button.form.requestSubmit(button)")


def _first_link(page: Page, pattern: str) -> str:
    paths: list[str] = page.eval_on_selector_all(
        "main a[href]", "links => links.map(link => new URL(link.href).pathname)"
    )
    for path in paths:
        if re.fullmatch(pattern, path):
            return path
    raise NotThere(f"{page.url} has no link to {pattern.replace(UID, '…')}")


if __name__ == "__main__":
    sys.exit(main())
