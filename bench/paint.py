"""The first screens as a phone on a slow line paints them, for `bench pages`.

390 px, 1.6 Mbit/s down, 0.75 Mbit/s up, 150 ms round trip, CPU four times slower, nothing cached:
the largest contentful paint, the layout shift, and the time that long tasks block (what each
takes above 50 ms, after the first paint). The best of several visits is told, because whatever
else the machine does only makes a visit slower.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.figures import figure
from config.demo.people import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FIRST_SCREENS = {
    "supplier": "/supplier/",
    "buyer": "/buyer/",
    "lender": "/lender/",
    "operator": "/operator/",
}
GOALS: dict[str, tuple[float | None, str]] = {
    "LCP": (1500.0, "ms"),
    "CLS": (0.05, "score"),
    "TBT": (200.0, "ms"),
    "main thread": (None, "CPU ms"),
    "bytes": (150.0, "kB"),
}
"""The budgets. The main thread's CPU time, the slowing included, has none: it tells a busy machine
from a heavy page."""
YARDSTICK = "/sign-in/"
"""A page with the same styles and scripts and one small form, painted in the same run."""
BYTES_PER_SECOND = 1_600_000 / 8
LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": BYTES_PER_SECOND,
    "uploadThroughput": 750_000 / 8,
}
CPU_SLOWER = 4
SETTLE_MS = 2500
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WATCH = """
window.seen = {LCP: 0, CLS: 0, tasks: []};
const watch = (type, note) => new PerformanceObserver((list) => list.getEntries().forEach(note))
  .observe({type, buffered: true});
watch("largest-contentful-paint", (entry) => { seen.LCP = entry.startTime; });
watch("layout-shift", (entry) => { if (!entry.hadRecentInput) seen.CLS += entry.value; });
watch("longtask", (entry) => seen.tasks.push([entry.startTime, entry.duration]));
"""
READ = """() => {
  const painted = performance.getEntriesByName("first-contentful-paint")[0].startTime;
  const blocked = seen.tasks.filter(([start]) => start >= painted)
    .reduce((sum, [, took]) => sum + Math.max(0, took - 50), 0);
  const sent = [...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource")].reduce((sum, one) => sum + one.transferSize, 0);
  return {LCP: seen.LCP, CLS: seen.CLS, TBT: blocked, bytes: sent / 1000};
}"""


class NoBrowser(Exception):
    """The machine has no Chromium, or the environment no driver for it."""


@dataclass(frozen=True, kw_only=True)
class Paint:
    """The best visit's figures of one page."""

    path: str
    best: Mapping[str, float]


def paint_times(address: str, logins: Mapping[str, str], *, visits: int) -> list[Paint]:
    """Visit the yardstick and each seat's first screen `visits` times with an empty cache.

    Raises:
        NoBrowser: nothing can be measured here; the sentence says what is missing.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NoBrowser("Playwright is not installed: make build-dev.") from error
    if chromium is None:
        raise NoBrowser("There is no Chromium on this machine: apt-get install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            site = f"http://{address}"
            people = {seat: _signed_in(browser, site, email) for seat, email in logins.items()}
            ways = [(YARDSTICK, None), *((FIRST_SCREENS[seat], people[seat]) for seat in people)]
            return [_best(browser, site, path, cookies, visits) for path, cookies in ways]
        finally:
            browser.close()


def paint_figures(paints: list[Paint]) -> list[dict[str, Any]]:
    """Return the figures of `paints`, the yardstick's own first, with their budgets."""
    yardstick = paints[0].best
    return [
        figure(
            f"{measure} {paint.path}",
            round(paint.best[measure], 3 if unit == "score" else 1),
            unit,
            "measured" if goal is None else f"<= {goal:g}",
            goal is None or paint.best[measure] <= goal,
            yardstick[measure],
        )
        for paint in paints
        for measure, (goal, unit) in GOALS.items()
    ]


def _signed_in(browser: Browser, site: str, email: str) -> Any:
    """Sign in on a fast line and return the cookies."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site}/sign-in/")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    cookies = context.storage_state()
    context.close()
    return cookies


def _best(browser: Browser, site: str, path: str, cookies: Any, visits: int) -> Paint:
    seen = [_visit(browser, site + path, cookies) for _ in range(visits)]
    return Paint(path=path, best={name: min(one[name] for one in seen) for name in GOALS})


def _visit(browser: Browser, url: str, cookies: Any) -> dict[str, float]:
    context = browser.new_context(
        storage_state=cookies,
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        reduced_motion="reduce",
    )
    try:
        page = context.new_page()
        page.add_init_script(WATCH)
        line = context.new_cdp_session(page)
        line.send("Network.enable")
        line.send("Performance.enable", {"timeDomain": "threadTicks"})
        line.send("Network.emulateNetworkConditions", LINE)
        line.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWER})
        page.goto(url, wait_until="load")
        page.wait_for_timeout(SETTLE_MS)
        found: dict[str, float] = page.evaluate(READ)
        metrics = line.send("Performance.getMetrics")["metrics"]
        spent = {one["name"]: one["value"] for one in metrics}
        return found | {"main thread": spent["TaskDuration"] * 1000}
    finally:
        context.close()
