"""The scripts of the components, by pointer and by keyboard."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch


def test_the_theme_is_chosen_at_once_and_kept(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/")
    clean.get_by_role("button", name="Appearance").click()
    clean.get_by_role("button", name="Dark").click()
    expect(clean.locator("html")).to_have_attribute("data-theme", "dark")
    clean.reload()
    expect(clean.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_language_switch_keeps_the_page(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/?state=late")
    clean.get_by_role("button", name="Language").click()
    clean.get_by_role("button", name="简体中文").click()
    expect(clean.get_by_role("heading", level=1)).to_have_text("样式指南")
    assert clean.url.endswith("/styleguide/?state=late")
    expect(clean.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_dialogs_open_close_and_give_the_focus_back(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/")
    opener = clean.get_by_role("button", name="Open dialog")
    opener.click()
    dialog = clean.get_by_role("dialog", name="Move operation")
    expect(dialog).to_be_visible()
    clean.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_rows_are_walked_with_j_and_k(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/")
    clean.locator("h1").click()
    clean.keyboard.press("j")
    clean.keyboard.press("j")
    clean.keyboard.press("k")
    active = clean.locator("tr.is-active")
    expect(active).to_have_count(1)
    number = active.locator("a").inner_text()
    clean.keyboard.press("Enter")
    clean.wait_for_url(f"**/styleguide/?order={number}")


def test_a_sort_link_turns_the_table(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/")
    orders = clean.get_by_role("region", name="Orders")
    orders.get_by_role("link", name="Number").click()
    expect(orders.locator("tbody tr").first).to_contain_text("4101")
    orders.get_by_role("link", name="Number").click()
    expect(orders.locator("tbody tr").first).to_contain_text("4105")


def focus_the_chart(page: Page) -> None:
    """Wait until the chart is drawn and give it the focus."""
    expect(page.locator("[data-gantt][data-ready]")).to_be_visible()
    page.get_by_role("application", name="Schedule across factories").focus()


def test_the_gantt_is_walked_by_keyboard_and_says_its_bars(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/operations/")
    focus_the_chart(clean)
    clean.keyboard.press("ArrowRight")
    said = clean.locator("[data-gantt-said]")
    expect(said).to_contain_text("M001")
    first = said.inner_text()
    clean.keyboard.press("ArrowRight")
    expect(said).not_to_have_text(first)
    clean.keyboard.press("ArrowDown")
    expect(said).to_contain_text("M002")


def test_a_bar_is_chosen_and_told_with_its_row(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/operations/")
    clean.evaluate(
        "() => document.querySelector('[data-gantt]').addEventListener('gantt:select',"
        " event => { document.title = `${event.detail.row.name}/${event.detail.bar.kind}` })"
    )
    focus_the_chart(clean)
    clean.keyboard.press("ArrowRight")
    clean.keyboard.press("Enter")
    expect(clean).to_have_title(
        re.compile(r"^M001 CNC lathe/(production|confirmed|setup|risk|idle)$")
    )


def test_the_gantts_table_holds_the_same_plan(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/operations/")
    clean.get_by_role("button", name="Table view").click()
    table = clean.locator(".gantt-table table")
    expect(table.locator("thead th")).to_have_text(
        ["Factory", "Machine", "Work", "State", "Start", "End", "Hours"]
    )
    expect(table.locator("tbody tr")).to_have_count(100)
    clean.get_by_role("button", name="Next").click()
    expect(clean.locator(".gantt-table .pager")).to_contain_text("101–")


def test_zoom_levels_change_and_are_marked(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/operations/")
    week = clean.get_by_role("button", name="Week")
    week.click()
    expect(week).to_have_attribute("aria-pressed", "true")
    expect(clean.get_by_role("button", name="Day", exact=True)).to_have_attribute(
        "aria-pressed", "false"
    )


def stored_windows(page: Page) -> list[dict[str, str]]:
    """Return what the week grid would send."""
    return json.loads(page.locator("input[name=windows]").input_value())


def test_idle_hours_are_drawn_and_erased_with_the_pointer(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/")
    start = clean.locator('.cell[data-at="90"]')
    start.scroll_into_view_if_needed()
    start.hover()
    clean.mouse.down()
    clean.locator('.cell[data-at="93"]').hover()
    clean.mouse.up()
    monday = {"machine": "m1", "day": "0", "start": "20:00", "end": "24:00"}
    tuesday = {"machine": "m1", "day": "1", "start": "21:00", "end": "23:00"}
    assert stored_windows(clean) == [monday, tuesday]
    start.hover()
    clean.mouse.down()
    clean.locator('.cell[data-at="91"]').hover()
    clean.mouse.up()
    assert stored_windows(clean) == [monday, {**tuesday, "start": "22:00"}]


def test_idle_hours_are_drawn_by_keyboard(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/")
    clean.locator('.cell[data-at="0"]').focus()
    clean.keyboard.press("Space")
    clean.keyboard.press("Shift+ArrowDown")
    clean.keyboard.press("ArrowRight")
    clean.keyboard.press("Space")
    assert stored_windows(clean) == [
        {"machine": "m1", "day": "0", "start": "00:00", "end": "01:00"},
        {"machine": "m1", "day": "0", "start": "20:00", "end": "24:00"},
        {"machine": "m1", "day": "1", "start": "00:30", "end": "01:00"},
    ]


def test_idle_nights_are_what_the_shifts_leave(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/")
    clean.get_by_role("button", name="List my idle nights").click()
    monday = [window for window in stored_windows(clean) if window["day"] == "0"]
    assert [(window["start"], window["end"]) for window in monday] == [
        ("00:00", "08:00"),
        ("20:00", "24:00"),
    ]
    clean.get_by_role("button", name="Copy to all machines").click()
    assert {window["machine"] for window in stored_windows(clean)} == {"m1", "m2"}


def test_the_list_of_windows_says_and_changes_the_same(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/")
    rows = clean.locator(".week-list li")
    expect(rows).to_have_count(1)
    rows.first.get_by_label("From").select_option("22:30")
    assert stored_windows(clean)[0]["start"] == "22:30"
    clean.get_by_role("button", name="Add a window").click()
    expect(rows).to_have_count(2)
    rows.last.get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(1)


def test_the_palette_opens_by_ctrl_k(clean: Page, site: str, watch: Watch) -> None:
    # Only members may search; this reader is nobody, so the answer is not the list.
    watch.forgive("/search/|404|302|Response Status Error")
    clean.goto(f"{site}/styleguide/")
    clean.keyboard.press("Control+k")
    expect(clean.get_by_role("combobox", name="Search")).to_be_focused()
    clean.keyboard.press("Escape")
    expect(clean.locator("#palette")).to_be_hidden()


def test_a_form_with_mistakes_starts_at_its_summary(clean: Page, site: str) -> None:
    clean.goto(f"{site}/styleguide/")
    summary = clean.locator(".error-summary")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="Quantity").click()
    expect(clean.locator("#id_quantity")).to_be_focused()
