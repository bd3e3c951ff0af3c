"""`bench pages` measures only what it can: quantiles by rank, and a sentence where no demo is."""

from __future__ import annotations

import pytest

from bench.pages import NoDemo, Visitor, quantile


def test_a_quantile_is_a_value_that_was_measured() -> None:
    took = [float(value) for value in range(20, 0, -1)]
    assert quantile(took, 0.5) == 10
    assert quantile(took, 0.95) == 19
    assert quantile([7.0], 0.95) == 7


def test_where_nobody_answers_the_sentence_says_what_to_start() -> None:
    with pytest.raises(NoDemo, match=r"Nobody answers at 127\.0\.0\.1:1 .* Start `make demo`"):
        Visitor("127.0.0.1:1").ask("/")
