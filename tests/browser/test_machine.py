"""The machine's page in a real browser: accessible, and alive when its frames come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import pytest
from playwright.sync_api import Page, expect

from devices.models import Machine
from devices.services.arrivals import Message
from devices.services.ingest import Outcome, take
from devices.services.live import LiveFeed
from devices.services.store import SiteTime, milliseconds
from tenants.models import Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.devices.fleet import Fleet, make_fleet, plan_run
from tests.factories import make_member, make_operator

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "ingest"])
Choose = Callable[..., None]


def tell(fleet: Fleet, *values: dict[str, float], seq: int = 0) -> Outcome:
    """Send frames of the first device, five minutes apart, the last one now."""
    now_ms = milliseconds(datetime.now(UTC))
    messages = [
        Message(
            orjson.dumps(
                {
                    **{"dev": "M000", "boot": 1, "seq": seq + step},
                    **{"ts": now_ms - (len(values) - 1 - step) * 300_000, "v": one},
                }
            ),
            now_ms,
            tenant_id=fleet.organisation.pk,
        )
        for step, one in enumerate(values)
    ]
    time = SiteTime(now_ms=now_ms, rate=2.0, silent_before_ms=now_ms - 1_800_000)
    return take(messages, time=time)


@pytest.fixture
def fleet(sign_in: Callable[[Person], None]) -> Fleet:
    """Return a machine that has worked for two hours; its owner is signed in."""
    made = make_fleet(machines=3)
    plan_run(made, 0, 60)
    tell(
        made,
        *(
            {"state": 3 if n % 7 else 1, "parts": 30 * n, "power_kw": 3 + n % 5, "temp": 40 + n}
            for n in range(24)
        ),
    )
    sign_in(make_member(made.organisation).person)
    return made


@pytest.mark.parametrize(
    ("width", "theme", "language"), [(1440, "light", "en"), (390, "dark", "zh-hans")]
)
def test_the_machines_page_is_accessible_and_fits(
    clean: Page,
    site: str,
    axe: str,
    choose: Choose,
    fleet: Fleet,
    width: int,
    theme: str,
    language: str,
) -> None:
    choose(language=language, theme=theme)
    Person.objects.update(language=language)
    clean.set_viewport_size({"width": width, "height": 900})
    machine: Machine = fleet.machines[0]

    clean.goto(f"{site}/supplier/machines/{machine.uid}/")

    expect(clean.locator("h1")).to_have_text(machine.code)
    keep_picture(clean, f"machine-detail-{language}-{theme}-{width}")
    assert sideways_scroll(clean) == 0
    assert axe_violations(clean, axe) == []


def test_a_frame_changes_the_open_page(clean: Page, site: str, fleet: Fleet) -> None:
    machine = fleet.machines[0]
    clean.goto(f"{site}/supplier/machines/{machine.uid}/")
    pill = clean.locator(f'[data-live-state="machines.{machine.uid}"]')
    expect(pill).to_contain_text("Running")
    expect(clean.locator("[data-live-badge]")).to_have_attribute("data-state", "live")

    feed = LiveFeed()
    outcome = tell(fleet, {"state": 5, "power_kw": 0.5}, seq=100)
    for uid, live in outcome.live:
        feed.note(uid, live)
    feed.send_due()

    expect(pill).to_contain_text("Down")
    power = clean.locator(f'[data-live="machines.{machine.uid}.power_kw"]')
    expect(power).to_have_text("0.5")
    feed.close()


def test_the_quarantine_is_accessible(
    clean: Page, site: str, axe: str, sign_in: Callable[[Person], None]
) -> None:
    now_ms = milliseconds(datetime.now(UTC))
    time = SiteTime(now_ms=now_ms, rate=1.0, silent_before_ms=now_ms)
    take([Message(b"not a frame", now_ms)], time=time)
    sign_in(make_operator().person)

    clean.goto(f"{site}/operator/quarantine/")

    expect(clean.get_by_text("not a frame", exact=True)).to_be_visible()
    keep_picture(clean, "quarantine-en-light-1440")
    assert axe_violations(clean, axe) == []
