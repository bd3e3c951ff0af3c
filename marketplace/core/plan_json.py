"""A plan as the buyer gets it: the only shape of `Plan.schedule`, compact, times in minutes.

Operations are columns of integers, because a plan may hold thousands. Lots and steps count
from 1; machines and suppliers are positions in their own lists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

SCHEMA = 1
COLUMNS = ("lot", "step", "machine", "start", "end", "quantity", "set_up", "price", "lag", "frozen")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanSupplier:
    id: int
    name: str
    name_zh: str = ""
    city: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanMachine:
    """A machine as a buyer may know it; `supplier` is a position in the plan's suppliers.

    `rates` are (step, pieces an hour) that the plan reckons with; empty in plans of old.
    """

    id: int
    code: str
    type: str
    supplier: int
    place: str
    is_simulated: bool = False
    rates: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanOperation:
    """One lot on one machine. `lag` is the travel to the next machine, or to the buyer."""

    lot: int
    step: int
    machine: int
    start: int
    end: int
    quantity: int
    set_up: int
    price: int
    lag: int = 0
    frozen: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanShare:
    """What one supplier does in one step; `frozen` counts its operations that stay."""

    supplier: int
    step: int
    quantity: int
    minutes: int
    price: int
    lots: int
    machines: int
    frozen: int


SHARE_FIELDS = tuple(one.name for one in fields(PlanShare))


@dataclass(frozen=True, kw_only=True)
class PlanDocument:
    """Who does what when. `seed` names the operations, so that a re-plan keeps their names."""

    seed: UUID
    processes: tuple[str, ...]
    suppliers: tuple[PlanSupplier, ...]
    machines: tuple[PlanMachine, ...]
    operations: tuple[PlanOperation, ...] = field(repr=False)

    def operation_uid(self, lot: int, step: int) -> UUID:
        """Return the name of an operation: the same in every plan of the same seed."""
        return derived_uid(self.seed, f"{lot}/{step}")

    @property
    def shares(self) -> list[PlanShare]:
        """Sum the operations by supplier and step."""
        groups: dict[tuple[int, int], list[PlanOperation]] = {}
        for one in self.operations:
            groups.setdefault((self.machines[one.machine].supplier, one.step), []).append(one)
        return [
            PlanShare(
                supplier=supplier,
                step=step,
                quantity=sum(one.quantity for one in group),
                minutes=sum(one.end - one.start for one in group),
                price=sum(one.price for one in group),
                lots=len(group),
                machines=len({one.machine for one in group}),
                frozen=sum(one.frozen for one in group),
            )
            for (supplier, step), group in sorted(groups.items())
        ]

    @property
    def quantity(self) -> int:
        """Return the pieces that are made."""
        return sum(one.quantity for one in self.operations if one.step == 1)

    @property
    def cost_minor(self) -> int:
        return sum(one.price for one in self.operations)

    @property
    def completes(self) -> int:
        """Return the minute when the last lot has reached the buyer."""
        last = len(self.processes)
        return max((one.end + one.lag for one in self.operations if one.step == last), default=0)

    def by_supplier(self) -> dict[int, list[PlanOperation]]:
        """Return each supplier's operations that are not frozen, by the supplier's own id."""
        found: dict[int, list[PlanOperation]] = {}
        for one in self.operations:
            if not one.frozen:
                found.setdefault(self.supplier_of(one).id, []).append(one)
        return found

    def supplier_of(self, one: PlanOperation) -> PlanSupplier:
        """Return who has an operation of this plan."""
        return self.suppliers[self.machines[one.machine].supplier]

    def at(self, lot: int, step: int) -> PlanOperation | None:
        """Return the operation of a lot at a step, or None past the last step."""
        return self._index.get((lot, step))

    @property
    def _index(self) -> dict[tuple[int, int], PlanOperation]:
        index = self.__dict__.get("_by_lot_and_step")
        if index is None:
            index = {(one.lot, one.step): one for one in self.operations}
            self.__dict__["_by_lot_and_step"] = index
        return index

    def to_json(self) -> dict[str, Any]:
        """Return the plan in JSON's own types, ready for `Plan.schedule`."""
        return {
            "schema": SCHEMA,
            "seed": str(self.seed),
            "processes": list(self.processes),
            "suppliers": [[s.id, s.name, s.name_zh, s.city] for s in self.suppliers],
            "machines": [
                [m.id, m.code, m.type, m.supplier, m.place, int(m.is_simulated), m.rates]
                for m in self.machines
            ],
            # Summed once, so that a page about thousands of operations need not read them.
            "shares": [astuple(share) for share in self.shares],
            "lots": len({one.lot for one in self.operations}),
            "operations": {
                name: [int(getattr(one, name)) for one in self.operations] for name in COLUMNS
            },
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PlanDocument:
        """Read what `to_json` wrote.

        Raises:
            ValueError: a version that is not known here.
        """
        if document["schema"] != SCHEMA:
            raise ValueError(f"a plan of schema {document['schema']}, known is {SCHEMA}")
        return cls(
            seed=UUID(document["seed"]),
            processes=tuple(document["processes"]),
            suppliers=_suppliers(document),
            machines=tuple(_machine(row) for row in document["machines"]),
            operations=tuple(_operations(document["operations"])),
        )


@dataclass(frozen=True, kw_only=True)
class PlanSummary:
    """What of a stored plan can be said without its operations."""

    processes: tuple[str, ...]
    suppliers: tuple[PlanSupplier, ...]
    machine_count: int
    shares: tuple[PlanShare, ...]
    operation_count: int
    lot_count: int
    is_simulated: bool

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PlanSummary:
        """Read the summary out of what `PlanDocument.to_json` wrote."""
        return cls(
            processes=tuple(document["processes"]),
            suppliers=_suppliers(document),
            machine_count=len(document["machines"]),
            shares=tuple(
                PlanShare(**dict(zip(SHARE_FIELDS, row, strict=True))) for row in document["shares"]
            ),
            operation_count=len(document["operations"]["lot"]),
            lot_count=document["lots"],
            is_simulated=any(_machine(row).is_simulated for row in document["machines"]),
        )


def _suppliers(document: Mapping[str, Any]) -> tuple[PlanSupplier, ...]:
    return tuple(
        PlanSupplier(id=number, name=name, name_zh=name_zh, city=city)
        for number, name, name_zh, city in document["suppliers"]
    )


def _machine(row: list[Any]) -> PlanMachine:
    number, code, kind, supplier, place, is_simulated, *rates = row
    return PlanMachine(
        id=number,
        code=code,
        type=kind,
        supplier=supplier,
        place=place,
        is_simulated=bool(is_simulated),
        rates=tuple((step, rate) for step, rate in rates[0]) if rates else (),
    )


def _operations(columns: Mapping[str, list[int]]) -> Iterator[PlanOperation]:
    for row in zip(*(columns[name] for name in COLUMNS), strict=True):
        values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
        values["frozen"] = bool(values["frozen"])
        yield PlanOperation(**values)


def derived_uid(seed: UUID, name: str) -> UUID:
    """Return a UUIDv7 that belongs to `seed` and `name`: its time, and bits by SHA-256.

    The same message handled twice names the same things.
    """
    digest = int.from_bytes(hashlib.sha256(seed.bytes + name.encode()).digest()[:10], "big")
    value = seed.int >> 80 << 80 | 0x7 << 76 | (digest >> 68 & 0xFFF) << 64
    return UUID(int=value | 0b10 << 62 | digest & (2**62 - 1))


def instant(origin_at: datetime, minute: int) -> datetime:
    """Return the instant of a plan's minute."""
    return origin_at + timedelta(minutes=minute)
