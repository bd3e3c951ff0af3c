"""`bench pages`: how long the site takes for each seat's pages, asked over HTTP as a browser asks.

Needs the demo running at OPENFLOOR_HTTP; only reads. A time is from the request until the last
byte of the answer has come over the loopback, on one kept connection: a little more than the
server's own time, never less. A lender's report is left out, because each reading is counted.
Where there is a Chromium, the first screens are also painted as on a phone (bench/paint.py).
"""

from __future__ import annotations

import http.client
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from bench.figures import figure
from bench.machine import machine_facts
from bench.paint import NoBrowser, paint_figures, paint_times
from bench.scenarios.plates import plates_facts
from config.demo.people import BUYER, LENDER, OPERATOR_EMAIL, PASSWORD
from config.demo.seed import supplier_email

ROUNDS = 20
VISITS = 5
GOAL_MS = 200.0
YARDSTICK = "/sign-in/"
"""A page with the same shell and no rows."""
UID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
LINK = re.compile(r'(?:href|data-src|hx-get|data-url)="(/[^"#?]*)')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
PAGES: dict[str, tuple[str, ...]] = {
    "supplier": (
        "/supplier/",
        "/supplier/capacity/",
        "/supplier/capacity/list/",
        "/supplier/machines/",
        "/supplier/offers/?state=all",
        "/supplier/work/?state=all",
        "/supplier/shipments/",
        "/supplier/statements/",
        "/supplier/credit/",
        "/supplier/loans/",
    ),
    "buyer": (
        "/buyer/",
        "/buyer/orders/",
        "/buyer/orders/new/",
        "/buyer/inspections/",
        "/buyer/payments/",
    ),
    "lender": ("/lender/", "/lender/reports/", "/lender/loans/", "/lender/product/"),
    "operator": (
        "/operator/",
        "/operator/organisations/",
        "/operator/matching/",
        "/operator/money/",
        "/operator/ledger/",
        "/operator/messages/",
        "/operator/quarantine/",
    ),
}
ONE_OF = {
    "/supplier/offers/?state=all": "/supplier/offers/{uid}/",
    "/supplier/work/?state=all": "/supplier/work/{uid}/",
    "/supplier/machines/": "/supplier/machines/{uid}/",
    "/buyer/orders/": "/buyer/orders/{uid}/",
    "/buyer/orders/{uid}/": "/buyer/plans/{uid}/",
    "/buyer/plans/{uid}/": "/buyer/plans/{uid}/gantt/",
    "/operator/matching/": "/operator/matching/{uid}/",
}
"""From this page the first link to such an address is measured too."""
BESIDE = {"/buyer/orders/{uid}/": ("progress/", "plans/")}


class NoDemo(Exception):
    """The demo does not answer, or not as the demo does."""


@dataclass(frozen=True)
class Timing:
    """What one page took, in milliseconds, and its size."""

    name: str
    p50_ms: float
    p95_ms: float
    kilobytes: float


class Visitor:
    """One person's browser: a kept connection and its cookies."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.cookies: dict[str, str] = {"language": "en"}

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Return status and text of one answer.

        Raises:
            NoDemo: nobody answers there.
        """
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Referer"] = f"http://{self.address}{path}"
            body = urlencode(form)
        try:
            self.connection.request("GET" if form is None else "POST", path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read().decode()
        except OSError as error:
            raise NoDemo(
                f"Nobody answers at {self.address} ({error}). Start `make demo`, or give its "
                "address in OPENFLOOR_HTTP."
            ) from error
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, text

    def sign_in(self, email: str) -> None:
        """Sign in by the form, with the password of the demo.

        Raises:
            NoDemo: the form or the person is not there.
        """
        _status, text = self.ask(YARDSTICK)
        token = TOKEN.search(text)
        given = {"email": email, "password": PASSWORD}
        if token is not None:
            given["csrfmiddlewaretoken"] = token[1]
        status, _text = self.ask(YARDSTICK, given)
        if status != 302:
            raise NoDemo(f"{email} cannot sign in at {self.address}: this is not the demo.")


def bench_pages(*, seed: int = 1, scale: float = 1.0) -> dict[str, Any]:
    """Measure every page; `scale` changes how often each is asked for.

    Raises:
        NoDemo: there is no demo at OPENFLOOR_HTTP.
    """
    address = os.environ.get("OPENFLOOR_HTTP", "127.0.0.1:8000")
    rounds = max(2, int(ROUNDS * scale))
    stranger = Visitor(address)
    yardstick = _timed(stranger, YARDSTICK, YARDSTICK, rounds)
    timings = [
        timing
        for seat, email in _logins().items()
        for timing in _seat(address, email, PAGES[seat], rounds)
    ]
    worst = max(timings, key=lambda timing: timing.p95_ms)
    figures = [_figure("worst p95", worst.p95_ms, yardstick.p95_ms)]
    for timing in timings:
        figures.append(_figure(f"p95 {timing.name}", timing.p95_ms, yardstick.p95_ms))
        figures.append(_figure(f"p50 {timing.name}", timing.p50_ms, yardstick.p50_ms))
    painted: dict[str, Any] = {}
    try:
        visits = max(1, int(VISITS * scale))
        figures += paint_figures(paint_times(address, _logins(), visits=visits))
        painted = {"visits": visits}
    except NoBrowser as missing:
        painted = {"paint_not_measured": str(missing)}
    return {
        "bench": "pages",
        "simulated": True,
        "seed": seed,
        "scale": scale,
        "machine": machine_facts() | {"load": os.getloadavg()[0]},
        "rounds": rounds,
        **painted,
        "kilobytes": {timing.name: timing.kilobytes for timing in timings},
        "figures": figures,
    }


def _logins() -> dict[str, str]:
    """Return one login for each seat; the factory with the most machines has the fullest pages."""
    factory = max(plates_facts(1).factories, key=lambda facts: len(facts.machines))
    return {
        "supplier": supplier_email(factory),
        "buyer": BUYER.email,
        "lender": LENDER.email,
        "operator": OPERATOR_EMAIL,
    }


def _seat(address: str, email: str, pages: Sequence[str], rounds: int) -> list[Timing]:
    visitor = Visitor(address)
    visitor.sign_in(email)
    timings = []
    ways = [(page, page) for page in pages]
    while ways:
        name, path = ways.pop(0)
        timings.append(_timed(visitor, name, path, rounds))
        ways += [(name + part, path + part) for part in BESIDE.get(name, ())]
        if name in ONE_OF and (found := _first_link(visitor, path, ONE_OF[name])):
            ways.append((ONE_OF[name], found))
    return timings


def _first_link(visitor: Visitor, path: str, wanted: str) -> str | None:
    _status, text = visitor.ask(path)
    pattern = re.compile(wanted.replace("{uid}", UID))
    return next((link for link in LINK.findall(text) if pattern.fullmatch(link)), None)


def _timed(visitor: Visitor, name: str, path: str, rounds: int) -> Timing:
    """Ask for a page `rounds` times after one that does not count, which fills caches."""
    took = []
    size = 0
    for number in range(rounds + 1):
        began = perf_counter()
        status, text = visitor.ask(path)
        if number:
            took.append((perf_counter() - began) * 1000)
        if status != 200:
            raise NoDemo(f"{path} answers with {status}: this is not the finished demo.")
        size = len(text.encode())
    return Timing(name, quantile(took, 0.5), quantile(took, 0.95), round(size / 1000, 1))


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all do not exceed (nearest rank)."""
    ranked = sorted(values)
    rank = -(-len(ranked) * round(share * 100) // 100)
    return ranked[max(rank, 1) - 1]


def _figure(name: str, milliseconds: float, yardstick: float) -> dict[str, Any]:
    holds = milliseconds <= GOAL_MS
    return figure(name, round(milliseconds, 1), "ms", f"<= {GOAL_MS:.0f}", holds, yardstick)
