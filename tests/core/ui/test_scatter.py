"""The words in the picture of plan options: wherever the options lie, all can be read."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tenants.templatetags.charts_scatter import Box, Point, place_labels, scatter

AREA = Box(x=78, y=12, width=256, height=180)
BOUND = Box(x=90, y=12, width=90, height=14)
WORDS = ("Cheapest", "Fastest", "Safest", "Balanced")

places = st.tuples(st.floats(84, 320), st.floats(24, 190))


def inside(box: Box) -> bool:
    return (
        AREA.x <= box.x
        and box.x + box.width <= AREA.x + AREA.width
        and AREA.y <= box.y
        and box.y + box.height <= AREA.y + AREA.height
    )


@given(st.lists(places, min_size=1, max_size=4), st.sampled_from(WORDS))
def test_no_words_lie_on_words_points_or_the_bound(
    at: list[tuple[float, float]], chosen: str
) -> None:
    points = [
        Point(x=x, y=y, label=word, chosen=word == chosen)
        for (x, y), word in zip(at, WORDS, strict=False)
    ]
    boxes = place_labels(points, area=AREA, taken=[BOUND])
    assert all(inside(box) for box in boxes)
    assert all(one.overlap(other) == 0 for one, other in combinations(boxes, 2))
    for box in boxes:
        assert box.overlap(BOUND) == 0
        assert all(box.overlap(point.box) == 0 for point in points)


def test_an_option_alone_has_its_word_beside_it() -> None:
    (box,) = place_labels([Point(x=100, y=100, label="Fastest")], area=AREA)
    assert (box.x, box.y) == (111, 93)


def test_options_on_one_spot_share_their_words() -> None:
    options = [
        {"label": "Fastest", "x": 12.0, "y": 100.0},
        {"label": "Safest", "x": 12.0, "y": 100.0, "chosen": True},
        {"label": "Cheapest", "x": 13.0, "y": 90.0},
    ]
    shown = scatter(options, "Plans", "days", "CNY")
    assert ">Fastest, Safest</text>" in shown
    assert ">Cheapest</text>" in shown
    assert shown.count("<circle") == 3, "one filled dot, and a ring with its ground"
