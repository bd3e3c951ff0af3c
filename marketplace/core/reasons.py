"""Why a plan uses whom it uses, and why others are left out: codes and values, no sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marketplace.core.fitting import Fit, OnSale, shows_slow_days, uses_learned
from marketplace.core.plan_json import PlanDocument
from marketplace.core.steering import places_of

MOST_LEFT_OUT = 60


def reasons_of(
    plan: PlanDocument, answer: Mapping[str, Any], found: Fit, market: Sequence[OnSale]
) -> dict[str, Any]:
    """Return `{"chosen", "left_out", "left_out_count", "left_out_reasons", "assumed", …}`.

    `answer` is the scheduler's: its choices and what it left out, machine by machine. `chosen`
    sums them by supplier and step; `left_out` adds what never came to the scheduler because it
    does not fit the order; `places` are those among which the pieces may be moved.
    """
    left_out = [*_by_scheduler(answer, market), *_unfit(found, market)]
    return {
        "chosen": _chosen(plan, answer, market),
        "left_out": left_out[:MOST_LEFT_OUT],
        "left_out_count": len(left_out),
        "left_out_reasons": dict(Counter(one["code"] for one in left_out).most_common()),
        "cost_bound": _cost_bound(plan, answer),
        "reliability": answer["reliability"],
        "places": [place.to_json() for place in places_of(plan, found, market)],
        "assumed": _assumed(plan, answer, market),
    }


def _cost_bound(plan: PlanDocument, answer: Mapping[str, Any]) -> int | None:
    """Return the least cost in the plan's prices; the scheduler knows today's list prices alone.

    What is agreed already has its own price, whatever is listed today: the same in every plan.
    """
    bound: int | None = answer["cost_bound"]
    return None if bound is None else bound + plan.cost_minor - int(answer["cost"])


def _assumed(
    plan: PlanDocument, answer: Mapping[str, Any], market: Sequence[OnSale]
) -> list[dict[str, Any]]:
    """Say with which rates the plan reckons, and whether it reckons with slow days."""
    used = {machine.id for machine in plan.machines}
    machines = [one for one in market if one.machine_id in used]
    learned = sum(uses_learned(one, plan.processes) for one in machines)
    values = {"machines": len(machines), "learned": learned}
    assumed: list[dict[str, Any]] = [
        {"code": "assumed_rates_of_plan", "values": values}
        if learned
        else {"code": "assumed_stated_rates", "values": {}}
    ]
    if answer.get("kind") == "safest" and any(
        shows_slow_days(one, plan.processes) for one in machines
    ):
        assumed.append({"code": "assumed_slow_days_here", "values": {}})
    return assumed


def _chosen(
    plan: PlanDocument, answer: Mapping[str, Any], market: Sequence[OnSale]
) -> list[dict[str, Any]]:
    supplier_of = {str(one.machine_id): one.supplier_id for one in market}
    position = {supplier.id: index for index, supplier in enumerate(plan.suppliers)}
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for one in answer["choices"]:
        supplier = position[supplier_of[one["machine"]]]
        share = found.setdefault(
            (one["step"], supplier), {"step": one["step"] + 1, "supplier": supplier, "reasons": {}}
        )
        for code, values in one["reasons"]:
            _keep_weightiest(share["reasons"], code, values)
    return [found[key] for key in sorted(found)]


def _keep_weightiest(reasons: dict[str, Any], code: str, values: dict[str, Any]) -> None:
    """Keep one reason of a kind: the best price, the last finish, the least reliability."""
    known = reasons.get(code)
    is_weightier = known is None or (
        (code == "price_rank" and values["rank"] < known["rank"])
        or (code == "finish" and values["end"] > known["end"])
        or (code == "reliability" and values["permille"] < known["permille"])
    )
    if is_weightier:
        reasons[code] = values


def _by_scheduler(answer: Mapping[str, Any], market: Sequence[OnSale]) -> Iterator[dict[str, Any]]:
    by_id = {str(one.machine_id): one for one in market}
    for step, machine, code, values in answer["left_out"]:
        shown = {name: value for name, value in values.items() if name not in ("machine",)}
        yield _row(step + 1, by_id[machine], f"out_{code}", shown)


def _unfit(found: Fit, market: Sequence[OnSale]) -> Iterator[dict[str, Any]]:
    by_id = {one.machine_id: one for one in market}
    for miss in sorted(found.misses, key=lambda miss: miss.distance):
        yield _row(miss.step, by_id[miss.machine_id], miss.code, dict(miss.values))


def _row(step: int, one: OnSale, code: str, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "step": step,
        "machine": one.machine.machine_code,
        "supplier": one.machine.supplier_name,
        "supplier_zh": one.machine.supplier_name_zh,
        "code": code,
        "values": values,
    }
