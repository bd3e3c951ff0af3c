"""A listing's snapshot says the same after a journey through JSON."""

from __future__ import annotations

import json

import pytest

from marketplace.core.listed import ListedCapability, ListedMachine

MACHINE = ListedMachine(
    supplier_name="Dongguan Plating",
    supplier_name_zh="东莞电镀",
    site_uid="019a0000-0000-7000-8000-000000000001",
    site_name="North hall",
    city="Dongguan",
    time_zone="Asia/Shanghai",
    machine_code="E-07",
    machine_type="Press",
    x_km=12.5,
    y_km=-3.0,
    capabilities=(
        ListedCapability(
            process="emboss",
            pieces_per_hour=390,
            set_up_minutes=30,
            attributes={"width_mm": 520, "material": ("aluminium", "steel")},
        ),
        ListedCapability(process="film", pieces_per_hour=560),
    ),
)


def test_a_listed_machine_survives_json() -> None:
    assert ListedMachine.from_json(json.loads(json.dumps(MACHINE.to_json()))) == MACHINE


def test_a_listing_of_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="schema 2"):
        ListedMachine.from_json({**MACHINE.to_json(), "schema": 2})


def test_a_machine_is_asked_for_by_process() -> None:
    capability = MACHINE.capability("film")
    assert MACHINE.processes == ["emboss", "film"]
    assert capability is not None
    assert capability.pieces_per_hour == 560
    assert MACHINE.capability("weld") is None
