"""Machines and what they can do."""

from __future__ import annotations

import pytest

from devices.models import Machine
from devices.services.machines import MachineCodeTaken
from marketplace.models import Capability, CapacityWindow, Process
from marketplace.services.machines import (
    Ability,
    CapabilityRefused,
    NewMachine,
    archive_machine,
    enter_machines,
    set_abilities,
)
from marketplace.services.window_faults import TimeCommitted
from scheduling.models import Reservation
from tenants.acting import acting_as
from tenants.ids import uuid7
from tenants.models import OutboxMessage
from tests.factories import NOW, CapacityWindowFactory
from tests.marketplace.conftest import Works


def _process(code: str = "blanking") -> Process:
    return Process.objects.prefetch_related("attributes").get(code=code)


def test_machines_are_entered_with_what_they_can_do(works: Works) -> None:
    new = [
        NewMachine(
            machine=Machine(site=works.site, code=code, machine_type="Laser"),
            abilities=[
                Ability(
                    process=_process("laser-cutting"),
                    pieces_per_hour=120,
                    set_up_minutes=30,
                    attributes={"material": ["aluminium"], "max_length_mm": 3000},
                )
            ],
        )
        for code in ("L-1", "L-2")
    ]
    with acting_as(works.organisation.pk):
        enter_machines(organisation=works.organisation, by=works.by, now=NOW, new=new)
        found = Capability.objects.filter(machine__code__startswith="L-").order_by("machine__code")
        assert [(c.machine.code, c.pieces_per_hour, c.attributes) for c in found] == [
            ("L-1", 120, {"material": ["aluminium"], "max_length_mm": 3000}),
            ("L-2", 120, {"material": ["aluminium"], "max_length_mm": 3000}),
        ]


def test_a_code_is_used_once_and_nothing_is_half_stored(works: Works) -> None:
    new = [
        NewMachine(machine=Machine(site=works.site, code=code, machine_type="Laser"))
        for code in ("L-1", "M-02")
    ]
    with acting_as(works.organisation.pk):
        with pytest.raises(MachineCodeTaken, match="the code M-02 already"):
            enter_machines(organisation=works.organisation, by=works.by, now=NOW, new=new)
        assert Machine.objects.count() == 2


@pytest.mark.parametrize(
    ("rate", "attributes", "sentence"),
    [
        (0, {}, "Blanking needs its pieces per hour"),
        (5, {"colour": ["red"]}, "no attribute “colour”"),
        (5, {"material": ["cheese"]}, "“cheese” is not a word for Material"),
        (5, {"material": []}, "is not a word for Material"),
        (5, {"max_length_mm": 0}, "Greatest length for Blanking is a number above zero"),
        (5, {"max_length_mm": "wide"}, "Greatest length for Blanking is a number above zero"),
    ],
)
def test_what_cannot_be_is_refused(
    works: Works, rate: int, attributes: dict[str, object], sentence: str
) -> None:
    ability = Ability(process=_process(), pieces_per_hour=rate, attributes=attributes)  # type: ignore[arg-type]
    with acting_as(works.organisation.pk):
        with pytest.raises(CapabilityRefused, match=sentence):
            set_abilities(
                organisation=works.organisation,
                by=works.by,
                now=NOW,
                machine=works.machines[0],
                abilities=[ability],
            )
        assert Capability.objects.get(machine=works.machines[0]).pieces_per_hour == 750


def test_changed_abilities_reach_the_market(works: Works) -> None:
    with acting_as(works.organisation.pk):
        set_abilities(
            organisation=works.organisation,
            by=works.by,
            now=NOW,
            machine=works.machines[0],
            abilities=[Ability(process=_process("embossing"), pieces_per_hour=390)],
        )
        [message] = OutboxMessage.objects.filter(topic="capacity.published")
        assert message.payload["machine_ids"] == [works.machines[0].pk]


def test_an_archived_machine_leaves_the_market_unless_its_time_is_sold(works: Works) -> None:
    with acting_as(works.organisation.pk):
        window = CapacityWindowFactory.create(machine=works.machines[0], state="listed")
        booked = Reservation.objects.create(
            tenant=works.organisation,
            machine=works.machines[0],
            during=window.during,
            state="booked",
            subject_uid=uuid7(),
        )

        def archive() -> None:
            archive_machine(
                organisation=works.organisation, by=works.by, now=NOW, machine=works.machines[0]
            )

        with pytest.raises(TimeCommitted):
            archive()
        assert Machine.objects.get(pk=works.machines[0].pk).is_active
        Reservation.objects.filter(pk=booked.pk).update(state="released")
        archive()
        assert not Machine.objects.get(pk=works.machines[0].pk).is_active
        assert CapacityWindow.objects.get(pk=window.pk).state == "withdrawn"
