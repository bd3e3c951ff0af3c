"""One machine as it is published: the only shape of `Listing.snapshot`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marketplace.core.learned import Figures, Learned, figures_of

SCHEMA = 1
"""The version that `to_json` writes; a later one must still read what this one wrote."""

Held = int | float | tuple[str, ...]
"""What a machine holds of an attribute: the most (a number), or the words it can do."""


@dataclass(frozen=True, kw_only=True)
class ListedCapability:
    """What the machine does of one process: as stated, and as its runs have shown."""

    process: str
    pieces_per_hour: int
    set_up_minutes: int = 0
    attributes: Mapping[str, Held] = field(default_factory=dict)
    learned: Learned | None = None

    @property
    def planned(self) -> Figures:
        """Return what plans reckon with."""
        return figures_of(
            stated_rate=self.pieces_per_hour,
            stated_set_up=self.set_up_minutes,
            learned=self.learned,
        )


@dataclass(frozen=True, kw_only=True)
class ListedMachine:
    """What the market may know of a machine, of its site and of its firm.

    Price, windows, minimum lot and the share of lots on time are columns of the listing itself.
    """

    supplier_name: str
    site_uid: str
    site_name: str
    time_zone: str
    machine_code: str
    machine_type: str
    capabilities: tuple[ListedCapability, ...]
    supplier_name_zh: str = ""
    site_name_zh: str = ""
    city: str = ""
    x_km: float = 0.0
    y_km: float = 0.0
    is_simulated: bool = False

    @property
    def processes(self) -> list[str]:
        """The codes of its processes, for `Listing.processes`."""
        return [capability.process for capability in self.capabilities]

    def capability(self, process: str) -> ListedCapability | None:
        """Return what it does of `process`, or None."""
        return next((c for c in self.capabilities if c.process == process), None)

    def to_json(self) -> dict[str, Any]:
        """Return the machine in JSON's own types, ready for `Listing.snapshot`."""
        return {
            "schema": SCHEMA,
            "supplier": {"name": self.supplier_name, "name_zh": self.supplier_name_zh},
            "site": {
                "uid": self.site_uid,
                "name": self.site_name,
                "name_zh": self.site_name_zh,
                "city": self.city,
                "time_zone": self.time_zone,
                "x_km": self.x_km,
                "y_km": self.y_km,
            },
            "machine": {
                "code": self.machine_code,
                "type": self.machine_type,
                "is_simulated": self.is_simulated,
            },
            "capabilities": [
                {
                    "process": one.process,
                    "pieces_per_hour": one.pieces_per_hour,
                    "set_up_minutes": one.set_up_minutes,
                    "attributes": {
                        code: list(held) if isinstance(held, tuple) else held
                        for code, held in one.attributes.items()
                    },
                    "learned": None if one.learned is None else one.learned.to_json(),
                }
                for one in self.capabilities
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ListedMachine:
        """Read what `to_json` wrote.

        Raises:
            ValueError: a version that is not known here.
        """
        if document["schema"] != SCHEMA:
            raise ValueError(f"a listing of schema {document['schema']}, known is {SCHEMA}")
        supplier, site, machine = document["supplier"], document["site"], document["machine"]
        return cls(
            supplier_name=supplier["name"],
            supplier_name_zh=supplier["name_zh"],
            site_uid=site["uid"],
            site_name=site["name"],
            site_name_zh=site["name_zh"],
            city=site["city"],
            time_zone=site["time_zone"],
            x_km=site["x_km"],
            y_km=site["y_km"],
            machine_code=machine["code"],
            machine_type=machine["type"],
            is_simulated=machine["is_simulated"],
            capabilities=tuple(
                ListedCapability(
                    process=one["process"],
                    pieces_per_hour=one["pieces_per_hour"],
                    set_up_minutes=one["set_up_minutes"],
                    attributes={
                        code: tuple(held) if isinstance(held, list) else held
                        for code, held in one["attributes"].items()
                    },
                    # Listings written before anything was learned do not name it.
                    learned=(Learned.from_json(one["learned"]) if one.get("learned") else None),
                )
                for one in document["capabilities"]
            ),
        )
