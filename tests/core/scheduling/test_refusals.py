"""Why an order is refused, and that everything offered in its place can be had."""

from __future__ import annotations

import pytest

from bench.refusals import bench_refusals
from scheduling.core import InvalidProblem, Window, refusal
from tests.core.scheduling.shops import machine, market, order

ONE_DAY = (Window(start=0, end=1200),)


def test_a_proven_cause_is_named_with_the_step_that_is_short() -> None:
    press = machine("press", windows=ONE_DAY)
    refused = refusal(market(press, order(quantity=600, deadline=300)), max_lots=4)
    assert refused.cause.code in ("deadline_too_early", "capacity_short")
    assert refused.cause.is_proven
    assert refused.bottleneck is not None
    assert refused.bottleneck.short_minutes == 300
    assert refused.ways


def test_where_nothing_is_proven_the_limit_that_makes_the_difference_is_the_cause() -> None:
    # Either lot limit alone can be kept: no bound sees that 130 pieces are no whole lots.
    windows = tuple(Window(start=day * 1440, end=day * 1440 + 120) for day in range(4))
    press = machine("press", windows=windows, min_lot=100, resumable=False)
    refused = refusal(market(press, order(quantity=130)))
    assert refused.cause.code == f"{refused.ways[0].limit}_binds"
    assert not refused.cause.is_proven
    assert str(refused.ways[0].value) in refused.cause.sentence


def test_a_process_that_nobody_does_has_no_way_out_and_is_told_so() -> None:
    refused = refusal(market(machine("press"), order(steps="engraving", deadline=900)))
    assert refused.cause.code == "unknown_process"
    assert refused.ways == ()
    assert refused.bottleneck is None


def test_faults_that_no_limit_mends_are_no_refusal() -> None:
    with pytest.raises(InvalidProblem):
        refusal(market(machine("press", rate=0), order()))


@pytest.mark.alone
def test_every_seeded_case_gets_a_cause_and_a_counter_offer_that_can_be_booked() -> None:
    report = bench_refusals(seed=7, scale=0.02)
    figures = {figure["name"]: figure["value"] for figure in report["figures"]}
    assert report["missed"] == []
    assert figures["cases"] == figures["with_cause"] == figures["accepted"] == 20
    assert figures["hopeless_told_so"] == report["markets"]
