"""A buyer's hand on a plan in a browser: by keyboard, estimated at once, planned, undone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tenants.models import Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.browser.test_share_limits import apart
from tests.factories import NOW, make_member
from tests.markets import deliver, make_market, plans_of, post, site_time

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _site_time(settings) -> Iterator[None]:
    settings.SOLVE_TIME_SECONDS = 1.0
    with site_time(NOW):
        yield


def test_a_buyer_moves_pieces_by_keyboard_and_sees_what_moved(
    site: str, clean: Page, axe: str, choose: Callable[..., None], sign_in: Callable[[Person], None]
) -> None:
    buyer = make_member(kinds=["buyer"], name="City Traffic Office", currency="CNY")
    make_market(3)
    post(buyer.tenant)
    apart(lambda: deliver(buyer.tenant))
    plan = next(one for one in plans_of(buyer.tenant) if one.kind == "fastest")
    sign_in(buyer.person)
    page = f"{site}/buyer/plans/{plan.uid}/"
    panel = clean.locator("#steering summary", has_text="Move pieces")
    clean.goto(page)
    panel.press("Enter")
    slider = clean.get_by_role("slider", name="1. Blanking, Works 0")
    slider.focus()
    for _ in range(100):
        clean.keyboard.press("ArrowRight")
    field = clean.get_by_role("spinbutton", name="1. Blanking, Works 0")
    expect(field).to_have_value(slider.input_value())
    taken = re.compile(r"2,0\d\d pieces are to be taken from others\.")
    expect(clean.get_by_text(taken)).to_be_visible()
    expect(clean.locator("[data-steer-estimate]")).to_contain_text("later")
    keep_picture(clean, "steer-typed-en-1440")
    clean.get_by_role("button", name="Plan this split").press("Enter")
    expect(clean.get_by_text("Planning your split")).to_be_visible()
    apart(lambda: deliver(buyer.tenant))
    expect(clean.get_by_role("heading", name="Before and after your split")).to_be_visible()
    expect(clean.get_by_role("heading", name="Steered 1")).to_be_visible()
    expect(clean.get_by_role("row", name="Proven bound")).to_be_visible()
    steered = clean.url
    clean.get_by_role("link", name="Undo: back to Fastest").press("Enter")
    expect(clean.get_by_role("link", name="Redo: on to Steered 1")).to_be_visible()

    for language, theme, width in (("zh-hans", "dark", 390), ("en", "light", 1440)):
        choose(language=language, theme=theme)
        Person.objects.update(language=language)
        clean.set_viewport_size({"width": width, "height": 1000})
        clean.goto(steered)
        for summary in clean.locator("#steering summary, #difference summary").all():
            summary.evaluate("one => { one.parentElement.open = true }")
        clean.locator("#steering").scroll_into_view_if_needed()
        keep_picture(clean, f"steer-{language}-{width}")
        assert axe_violations(clean, axe) == []
        assert sideways_scroll(clean) <= 0
