"""Read and write problems as Openfloor JSON, version 1; docs/problem-format.md describes it."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from scheduling.core.formats.shop_text import UnreadableProblem
from scheduling.core.problem import (
    Alternative,
    Capability,
    CutLot,
    Machine,
    Order,
    Problem,
    Quota,
    Rate,
    Step,
    Transport,
    Window,
)
from scheduling.core.schedule import Assignment

FORMAT_NAME = "openfloor-problem"
VERSION = 1


class _Reader:
    """One JSON object being read, remembering where it is and what was not asked for."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise UnreadableProblem(f"{where} must be an object.")
        self.value = value
        self.where = where
        self._known: set[str] = set()

    def integer(self, name: str, default: int | None = None) -> int:
        """Read a whole number, which is required when there is no default."""
        found = self.optional_integer(name)
        if found is None:
            if default is None:
                raise UnreadableProblem(f"{self.where} needs the whole number “{name}”.")
            return default
        return found

    def optional_integer(self, name: str) -> int | None:
        """Read a whole number or null."""
        found = self._take(name)
        if found is not None and (isinstance(found, bool) or not isinstance(found, int)):
            raise UnreadableProblem(f"“{name}” of {self.where} must be a whole number.")
        return found

    def text(self, name: str, default: str | None = None) -> str:
        """Read a text, which is required when there is no default."""
        found = self._take(name)
        if found is None and default is not None:
            return default
        if not isinstance(found, str) or not found:
            raise UnreadableProblem(f"{self.where} needs the text “{name}”.")
        return found

    def optional_text(self, name: str) -> str | None:
        """Read a text or null."""
        return None if self._take(name) is None else self.text(name)

    def flag(self, name: str, default: bool) -> bool:
        """Read true or false."""
        found = self._take(name)
        if found is None:
            return default
        if not isinstance(found, bool):
            raise UnreadableProblem(f"“{name}” of {self.where} must be true or false.")
        return found

    def items(self, name: str) -> list[Any]:
        """Read a list; absent means empty."""
        found = self._take(name)
        if found is None:
            return []
        if not isinstance(found, list):
            raise UnreadableProblem(f"“{name}” of {self.where} must be a list.")
        return found

    def objects(self, name: str) -> "list[_Reader]":
        """Read a list of objects; absent means empty."""
        items = enumerate(self.items(name))
        return [_Reader(item, f"{name}[{index}] of {self.where}") for index, item in items]

    def optional_objects(self, name: str) -> "list[_Reader] | None":
        """Read a list of objects or null."""
        return None if self._take(name) is None else self.objects(name)

    def names(self, name: str) -> frozenset[str]:
        """Read a list of texts; absent means empty."""
        found = self.items(name)
        if not all(isinstance(item, str) for item in found):
            raise UnreadableProblem(f"“{name}” of {self.where} must be a list of texts.")
        return frozenset(found)

    def lists_of_names(self, name: str) -> tuple[frozenset[str], ...]:
        """Read a list of lists of texts; absent means empty."""
        found = self.items(name)
        if not all(
            isinstance(each, list) and all(isinstance(item, str) for item in each) for each in found
        ):
            raise UnreadableProblem(f"“{name}” of {self.where} must be a list of lists of texts.")
        return tuple(frozenset(each) for each in found)

    def optional_names(self, name: str) -> frozenset[str] | None:
        """Read a list of texts or null."""
        return None if self._take(name) is None else self.names(name)

    def rate(self, name: str) -> Rate:
        """Read pieces per hour: a whole number, or a text like "5/2"."""
        found = self._take(name)
        if isinstance(found, int) and not isinstance(found, bool):
            return found
        if isinstance(found, str):
            try:
                rate = Fraction(found)
            except (ValueError, ZeroDivisionError):
                pass
            else:
                return rate.numerator if rate.denominator == 1 else rate
        raise UnreadableProblem(
            f"“{name}” of {self.where} must be a whole number or a text like “5/2”."
        )

    def done(self) -> None:
        """Refuse names that nothing asked for, so that a misspelt limit is not lost."""
        unknown = sorted(set(self.value) - self._known)
        if unknown:
            raise UnreadableProblem(f"{self.where} has an unknown field “{unknown[0]}”.")

    def _take(self, name: str) -> Any:
        self._known.add(name)
        return self.value.get(name)


def problem_from_json(value: Any) -> Problem:
    """Build a problem from parsed JSON.

    Raises:
        UnreadableProblem: a field is missing, unknown or of the wrong kind.
    """
    top = _Reader(value, "The file")
    if top.text("format", "?") != FORMAT_NAME or top.integer("version", 0) != VERSION:
        raise UnreadableProblem(
            f"The file must say “format”: “{FORMAT_NAME}” and “version”: {VERSION}."
        )
    problem = Problem(
        orders=tuple(_order(reader) for reader in top.objects("orders")),
        machines=tuple(_machine(reader) for reader in top.objects("machines")),
        transport=_transport(top),
        frozen=tuple(assignment_from(reader) for reader in top.objects("frozen")),
        now=top.integer("now", 0),
        currency=top.text("currency", ""),
    )
    top.optional_text("name")
    top.done()
    return problem


def _order(reader: _Reader) -> Order:
    order = Order(
        id=reader.text("id"),
        quantity=reader.integer("quantity", 1),
        steps=tuple(_step(step) for step in reader.objects("steps")),
        release=reader.integer("release", 0),
        due=reader.optional_integer("due"),
        deadline=reader.optional_integer("deadline"),
        price_ceiling_minor=reader.optional_integer("price_ceiling_minor"),
        destination=reader.optional_text("destination"),
        excluded_machines=reader.names("excluded_machines"),
        excluded_factories=reader.names("excluded_factories"),
        certificates=reader.names("certificates"),
        max_factories=reader.optional_integer("max_factories"),
        preferred_factories=reader.names("preferred_factories"),
        quotas=tuple(_quota(quota) for quota in reader.objects("quotas")),
        admitted_machines=reader.optional_names("admitted_machines"),
        outside_price_minor=reader.optional_integer("outside_price_minor"),
        cut=tuple(_cut_lot(lot) for lot in reader.objects("cut")),
    )
    reader.done()
    return order


def _cut_lot(reader: _Reader) -> CutLot:
    lot = CutLot(
        lot=reader.integer("lot"),
        quantity=reader.integer("quantity"),
        factories=reader.lists_of_names("factories"),
    )
    reader.done()
    return lot


def _quota(reader: _Reader) -> Quota:
    quota = Quota(
        step=reader.integer("step"),
        factory=reader.text("factory"),
        at_least=reader.integer("at_least", 0),
        at_most=reader.optional_integer("at_most"),
    )
    reader.done()
    return quota


def _step(reader: _Reader) -> Step:
    alternatives = []
    for each in reader.objects("alternatives"):
        alternatives.append(
            Alternative(
                machine=each.text("machine"), duration_minutes=each.integer("duration_minutes")
            )
        )
        each.done()
    after = reader.items("after") if reader.value.get("after") is not None else None
    if after is not None and not all(type(step) is int for step in after):
        raise UnreadableProblem(f"“after” of {reader.where} must be a list of step positions.")
    step = Step(
        process=reader.optional_text("process"),
        alternatives=tuple(alternatives),
        after=None if after is None else tuple(after),
        set_up_family=reader.text("set_up_family", ""),
    )
    reader.items("after")
    reader.done()
    return step


def _machine(reader: _Reader) -> Machine:
    windows = reader.optional_objects("windows")
    machine = Machine(
        id=reader.text("id"),
        factory=reader.text("factory"),
        capabilities=tuple(_capability(each) for each in reader.objects("capabilities")),
        windows=None if windows is None else tuple(_window(each) for each in windows),
        reliability_permille=reader.integer("reliability_permille", 1000),
        certificates=reader.names("certificates"),
        set_up_family=reader.text("set_up_family", ""),
        changeovers=_changeovers(reader),
    )
    reader.done()
    return machine


def _changeovers(reader: _Reader) -> dict[tuple[str, str], int]:
    minutes: dict[tuple[str, str], int] = {}
    for each in reader.objects("changeovers"):
        minutes[(each.text("from", ""), each.text("to"))] = each.integer("minutes")
        each.done()
    return minutes


def _capability(reader: _Reader) -> Capability:
    capability = Capability(
        process=reader.text("process"),
        rate_per_hour=reader.rate("rate_per_hour"),
        set_up_minutes=reader.integer("set_up_minutes", 0),
        price_per_hour_minor=reader.integer("price_per_hour_minor", 0),
        min_lot=reader.integer("min_lot", 1),
        max_lot=reader.optional_integer("max_lot"),
        resumable=reader.flag("resumable", True),
        rate_low_permille=reader.integer("rate_low_permille", 1000),
        set_up_high_minutes=reader.optional_integer("set_up_high_minutes"),
    )
    reader.done()
    return capability


def _window(reader: _Reader) -> Window:
    window = Window(start=reader.integer("start"), end=reader.integer("end"))
    reader.done()
    return window


def _transport(top: _Reader) -> Transport:
    minutes: dict[tuple[str, str], int] = {}
    for leg in top.objects("transport"):
        minutes[(leg.text("from"), leg.text("to"))] = leg.integer("minutes")
        leg.done()
    return Transport(minutes=minutes, default_minutes=top.integer("default_transport_minutes", 0))


def assignment_from(reader: _Reader) -> Assignment:
    """Read one frozen assignment."""
    assignment = Assignment(
        order=reader.text("order"),
        lot=reader.integer("lot", 0),
        step=reader.integer("step"),
        machine=reader.text("machine"),
        start=reader.integer("start"),
        end=reader.integer("end"),
        quantity=reader.integer("quantity", 1),
        set_up_minutes=reader.integer("set_up_minutes", 0),
    )
    reader.done()
    return assignment


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """Turn a problem into what `problem_from_json` reads back to an equal problem."""
    return {
        "format": FORMAT_NAME,
        "version": VERSION,
        "now": problem.now,
        "currency": problem.currency or None,
        "machines": [_machine_json(machine) for machine in problem.machines],
        "orders": [_order_json(order) for order in problem.orders],
        "transport": [
            {"from": origin, "to": destination, "minutes": minutes}
            for (origin, destination), minutes in problem.transport.minutes.items()
        ],
        "default_transport_minutes": problem.transport.default_minutes,
        "frozen": [_fields(assignment) for assignment in problem.frozen],
    }


def _machine_json(machine: Machine) -> dict[str, Any]:
    windows = machine.windows
    return {
        "id": machine.id,
        "factory": machine.factory,
        "reliability_permille": machine.reliability_permille,
        "capabilities": [
            _fields(capability) | {"rate_per_hour": _rate_json(capability.rate_per_hour)}
            for capability in machine.capabilities
        ],
        "windows": None if windows is None else [_fields(window) for window in windows],
        "certificates": sorted(machine.certificates),
        "set_up_family": machine.set_up_family or None,
        "changeovers": [
            {"from": before or None, "to": after, "minutes": minutes}
            for (before, after), minutes in machine.changeovers.items()
        ],
    }


def _order_json(order: Order) -> dict[str, Any]:
    admitted = order.admitted_machines
    return _fields(order) | {
        "steps": [
            {
                "process": step.process,
                "alternatives": [_fields(alternative) for alternative in step.alternatives],
                "after": None if step.after is None else list(step.after),
                "set_up_family": step.set_up_family or None,
            }
            for step in order.steps
        ],
        "excluded_machines": sorted(order.excluded_machines),
        "excluded_factories": sorted(order.excluded_factories),
        "certificates": sorted(order.certificates),
        "preferred_factories": sorted(order.preferred_factories),
        "quotas": [_fields(quota) for quota in order.quotas],
        "cut": [_cut_lot_json(lot) for lot in order.cut],
        "admitted_machines": None if admitted is None else sorted(admitted),
    }


def _cut_lot_json(lot: CutLot) -> dict[str, Any]:
    return _fields(lot) | {"factories": [sorted(names) for names in lot.factories]}


def _rate_json(rate: Rate) -> int | str:
    return rate if isinstance(rate, int) else str(rate)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
