"""What a buyer asks for, and everything that can be wrong with it.

`AskedOrder` is the only shape of `PlanRequest.snapshot`: an order as the matcher may see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

SCHEMA = 1
MOST_PIECES = 10**9
MOST_STEPS = 20
MOST_MONEY_MINOR = 10**15
LONGEST_WORD = 80
REACH = timedelta(days=3650)
"""How far a date may lie from now: beyond, no calendar is known and zones have no such day."""

Required = int | float | str
"""What a machine must hold of an attribute: a number it must reach, or a word it must know."""


@dataclass(frozen=True, kw_only=True)
class AskedStep:
    """One step of the routing: a process, and what the machine must hold for it."""

    process: str
    requirements: Mapping[str, Required] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AskedOrder:
    """An order in the buyer's words; money in minor units, instants with a zone."""

    title: str
    quantity: int
    currency: str
    steps: tuple[AskedStep, ...]
    earliest_start_at: datetime
    due_at: datetime
    unit: str = "pcs"
    price_ceiling_minor: int | None = None
    lot_size: int | None = None
    ship_to: str = ""
    ship_to_x_km: float = 0.0
    ship_to_y_km: float = 0.0
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the order in JSON's own types, ready for `PlanRequest.snapshot`."""
        return {
            "schema": SCHEMA,
            "title": self.title,
            "quantity": self.quantity,
            "unit": self.unit,
            "currency": self.currency,
            "steps": [
                {"process": step.process, "requirements": dict(step.requirements)}
                for step in self.steps
            ],
            "earliest_start_at": self.earliest_start_at.isoformat(),
            "due_at": self.due_at.isoformat(),
            "price_ceiling_minor": self.price_ceiling_minor,
            "lot_size": self.lot_size,
            "ship_to": self.ship_to,
            "ship_to_x_km": self.ship_to_x_km,
            "ship_to_y_km": self.ship_to_y_km,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> AskedOrder:
        """Read what `to_json` wrote.

        Raises:
            ValueError: a version that is not known here.
        """
        if document["schema"] != SCHEMA:
            raise ValueError(f"an order of schema {document['schema']}, known is {SCHEMA}")
        fields = {name: value for name, value in document.items() if name != "schema"}
        fields["steps"] = tuple(AskedStep(**step) for step in document["steps"])
        for name in ("earliest_start_at", "due_at"):
            fields[name] = datetime.fromisoformat(document[name])
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class OrderFault:
    """One thing that is wrong, at which field, with the values that its sentence needs."""

    at: str
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AttributeRule:
    """How an attribute of a process is asked for."""

    code: str
    is_choice: bool = False


Catalogue = Mapping[str, Mapping[str, AttributeRule]]
"""By process code: its attributes by their code."""


def order_faults(
    order: AskedOrder, *, catalogue: Catalogue, now: datetime, is_draft: bool = False
) -> tuple[OrderFault, ...]:
    """Name everything that is wrong with `order`; empty means it may be posted.

    A draft may lack steps and lie in the past; the rest must be right even there.
    """
    found = [*_quantity_faults(order), *_date_faults(order, now, is_draft=is_draft)]
    found += _term_faults(order)
    found += _step_faults(order, catalogue, is_draft=is_draft)
    if not any(character.isprintable() and character != " " for character in order.title):
        found.insert(0, OrderFault(at="title", code="no_title"))
    return tuple(found)


def _quantity_faults(order: AskedOrder) -> Iterator[OrderFault]:
    if order.quantity < 1:
        yield OrderFault(
            at="quantity", code="quantity_not_positive", values={"quantity": order.quantity}
        )
    elif order.quantity > MOST_PIECES:
        values = {"quantity": order.quantity, "most": MOST_PIECES}
        yield OrderFault(at="quantity", code="quantity_too_large", values=values)


def _date_faults(order: AskedOrder, now: datetime, *, is_draft: bool) -> Iterator[OrderFault]:
    for at, moment in (("earliest_start_at", order.earliest_start_at), ("due_at", order.due_at)):
        if abs(moment - now) > REACH:
            yield OrderFault(at=at, code="date_out_of_reach")
            return
    if order.due_at <= order.earliest_start_at:
        yield OrderFault(at="due_at", code="due_before_start")
    if not is_draft and order.due_at <= now:
        yield OrderFault(at="due_at", code="due_past", values={"due_at": order.due_at})


def _term_faults(order: AskedOrder) -> Iterator[OrderFault]:
    ceiling = order.price_ceiling_minor
    if ceiling is not None and ceiling <= 0:
        yield OrderFault(at="price_ceiling", code="ceiling_not_positive")
    elif ceiling is not None and ceiling > MOST_MONEY_MINOR:
        yield OrderFault(at="price_ceiling", code="ceiling_too_large")
    if order.lot_size is not None and not 1 <= order.lot_size <= MOST_PIECES:
        values = {"lot_size": order.lot_size, "most": MOST_PIECES}
        yield OrderFault(at="lot_size", code="lot_size_out_of_range", values=values)
    if len(order.currency) != 3 or not order.currency.isascii() or not order.currency.isupper():
        yield OrderFault(at="currency", code="currency", values={"currency": order.currency})
    if not (abs(order.ship_to_x_km) <= 20_000 and abs(order.ship_to_y_km) <= 20_000):
        yield OrderFault(at="ship_to", code="place_out_of_range")


def _step_faults(
    order: AskedOrder, catalogue: Catalogue, *, is_draft: bool
) -> Iterator[OrderFault]:
    if not order.steps and not is_draft:
        yield OrderFault(at="steps", code="no_steps")
    if len(order.steps) > MOST_STEPS:
        values = {"steps": len(order.steps), "most": MOST_STEPS}
        yield OrderFault(at="steps", code="too_many_steps", values=values)
    for number, step in enumerate(order.steps, start=1):
        named: dict[str, Any] = {"step": number, "process": step.process}
        rules = catalogue.get(step.process)
        if rules is None:
            yield OrderFault(at="steps", code="unknown_process", values=named)
            continue
        for code, asked in step.requirements.items():
            rule = rules.get(code)
            detail = named | {"attribute": code, "asked": asked}
            if rule is None:
                yield OrderFault(at="steps", code="unknown_attribute", values=detail)
            elif not (_is_word(asked) if rule.is_choice else _is_number(asked)):
                wrong = "attribute_not_a_word" if rule.is_choice else "attribute_not_a_number"
                yield OrderFault(at="steps", code=wrong, values=detail)
            elif not isinstance(asked, str) and not 0 < asked <= MOST_PIECES:
                yield OrderFault(at="steps", code="attribute_not_positive", values=detail)


def _is_word(asked: object) -> bool:
    return isinstance(asked, str) and len(asked) <= LONGEST_WORD and asked.isprintable()


def _is_number(asked: object) -> bool:
    return isinstance(asked, int | float) and not isinstance(asked, bool)
