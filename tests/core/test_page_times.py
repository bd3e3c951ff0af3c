"""`bench pages` measures only what it can: quantiles by rank, and a sentence where no demo is."""

from __future__ import annotations

import pytest

from bench.pages import NoDemo, Visitor, quantile
from bench.paint import Paint, paint_figures


def test_a_quantile_is_a_value_that_was_measured() -> None:
    took = [float(value) for value in range(20, 0, -1)]
    assert quantile(took, 0.5) == 10
    assert quantile(took, 0.95) == 19
    assert quantile([7.0], 0.95) == 7


def test_where_nobody_answers_the_sentence_says_what_to_start() -> None:
    with pytest.raises(NoDemo, match=r"Nobody answers at 127\.0\.0\.1:1 .* Start `make demo`"):
        Visitor("127.0.0.1:1").ask("/")


def test_a_painted_page_is_held_to_its_budgets_beside_the_yardstick() -> None:
    light = {"LCP": 900.0, "CLS": 0.0, "TBT": 0.0, "main thread": 300.0, "bytes": 90.0}
    heavy = light | {"LCP": 1500.1, "CLS": 0.05, "main thread": 9000.0}
    figures = paint_figures([Paint(path="/sign-in/", best=light), Paint(path="/b/", best=heavy)])
    found = {one["name"]: (one["holds"], one["yardstick"]) for one in figures}
    assert found["LCP /b/"] == (False, 900.0)
    assert found["CLS /b/"] == (True, 0.0)
    assert found["main thread /b/"] == (True, 300.0)
    assert found["LCP /sign-in/"] == (True, 900.0)
