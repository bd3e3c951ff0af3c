"""State what is to be scheduled, without knowing any solver.

One `Problem` serves two worlds. In the *market*, an order's quantity is cut into lots that
pass, lot by lot, through the steps of its routing; each step names a process, and every
machine with a capability for that process may take lots of it in its idle windows. In a
*shop* (flexible job shop, job shop), a step lists its alternative machines with explicit
durations and the order is one indivisible lot.

All times are integer minutes on one axis whose zero the caller chooses (local zones and
clock changes are the caller's business); all money is integer minor units. Windows and
assignments are half-open, `[start, end)`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from scheduling.core.schedule import Assignment

if TYPE_CHECKING:
    from scheduling.core.faults import Fault

MINUTES_PER_HOUR = 60

Rate = int | Fraction

Key = tuple[str, int]
"""One (order id, step)."""


def ceil_div(numerator: int, denominator: int) -> int:
    """Divide rounding up, in exact integers."""
    return -(-numerator // denominator)


@dataclass(frozen=True, kw_only=True, order=True, slots=True)
class Window:
    """Idle machine time, half-open: `[start, end)`."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Capability:
    """What one machine can do of one process, how fast and at what price.

    `min_lot` and `max_lot` bound each single lot. `resumable` operations may pause where a
    window ends and go on where the next begins; others must fit into one window.
    `rate_low_permille` is a low quantile of the rate, as thousandths of `rate_per_hour`, and
    `set_up_high_minutes` a high quantile of the set-up (None: as usual): the *safest* plan
    counts on no more than the one and leaves time for the other.
    """

    process: str
    rate_per_hour: Rate
    set_up_minutes: int = 0
    price_per_hour_minor: int = 0
    min_lot: int = 1
    max_lot: int | None = None
    resumable: bool = True
    rate_low_permille: int = 1000
    set_up_high_minutes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine of one factory; `windows` None means open always, from minute 0 on.

    `reliability_permille` is the share of past lots that this machine finished on time.
    `set_up_family` is what it is set up for at the beginning; `changeovers` gives the
    minutes from one family of steps to another, where they differ from a capability's
    usual set-up (see `Problem.set_up_minutes`).
    """

    id: str
    factory: str
    capabilities: tuple[Capability, ...] = ()
    windows: tuple[Window, ...] | None = None
    reliability_permille: int = 1000
    certificates: frozenset[str] = frozenset()
    set_up_family: str = ""
    changeovers: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Alternative:
    """One machine that can do a step of a shop job, with its explicit duration."""

    machine: str
    duration_minutes: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """One operation of a routing: a process (market) or explicit alternatives (shop).

    `after` lists the steps, by position, that a lot must have left before this one; None
    means the step written just before it. Steps of one `set_up_family` (a material, a colour,
    a tool) follow each other on a machine without set-up; "" is a family of its own.
    """

    process: str | None = None
    alternatives: tuple[Alternative, ...] = ()
    after: tuple[int, ...] | None = None
    set_up_family: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """How many pieces of one step a factory is to make: what a buyer asks for by hand."""

    step: int
    factory: str
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CutLot:
    """A lot that keeps its number and its pieces, though none of its steps need be frozen.

    `factories` say, step by step, where it may be worked on; an empty set says anywhere, and so
    does an empty tuple of every step.
    """

    lot: int
    quantity: int
    factories: tuple[frozenset[str], ...] = ()

    def admits(self, step: int, factory: str) -> bool:
        """Tell whether a step of the lot may be done in a factory."""
        return not self.factories or not self.factories[step] or factory in self.factories[step]


@dataclass(frozen=True, kw_only=True)
class Order:
    """A quantity with its routing, dates and limits. In a shop: a job of quantity 1.

    `due` is soft (tardiness is counted from it), `deadline` is hard. Completion counts
    the transport to `destination`, when there is one. The price ceiling bounds the sum of
    the order's machine cost. Only machines that hold all `certificates` may work on it, in no
    more than `max_factories` factories; `admitted_machines` None admits every machine that is
    not excluded. `preferred_factories` break ties: between plans of equal objective the one
    that gives them more pieces wins. With an `outside_price_minor`, pieces that no lot makes
    are bought outside at that price each; without one, every piece must be made. `cut` names lots
    that are cut already; what they leave over is cut by the solver.
    """

    id: str
    quantity: int = 1
    steps: tuple[Step, ...]
    release: int = 0
    due: int | None = None
    deadline: int | None = None
    price_ceiling_minor: int | None = None
    destination: str | None = None
    excluded_machines: frozenset[str] = frozenset()
    excluded_factories: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()
    max_factories: int | None = None
    preferred_factories: frozenset[str] = frozenset()
    quotas: tuple[Quota, ...] = ()
    admitted_machines: frozenset[str] | None = None
    outside_price_minor: int | None = None
    cut: tuple[CutLot, ...] = ()

    @cached_property
    def predecessors(self) -> tuple[tuple[int, ...], ...]:
        """Per step, the positions of the steps that come directly before it."""
        return tuple(
            step.after if step.after is not None else ((index - 1,) if index else ())
            for index, step in enumerate(self.steps)
        )

    @cached_property
    def successors(self) -> tuple[tuple[int, ...], ...]:
        """Per step, the positions of the steps that come directly after it."""
        after: list[list[int]] = [[] for _ in self.steps]
        for index, before in enumerate(self.predecessors):
            for previous in before:
                if 0 <= previous < len(self.steps):
                    after[previous].append(index)
        return tuple(tuple(steps) for steps in after)

    @cached_property
    def step_sequence(self) -> tuple[int, ...]:
        """Step positions in a topological order; shorter than `steps` when there is a cycle."""
        waiting = [len(before) for before in self.predecessors]
        ready = [index for index, count in enumerate(waiting) if count == 0]
        done: list[int] = []
        while ready:
            step = ready.pop(0)
            done.append(step)
            for following in self.successors[step]:
                waiting[following] -= 1
                if waiting[following] == 0:
                    ready.append(following)
        return tuple(done)

    @property
    def is_splittable(self) -> bool:
        """Tell whether the quantity may be cut into lots: only where every step has a rate."""
        return all(step.process is not None for step in self.steps)

    def admits(self, machine: Machine) -> bool:
        """Tell whether `machine` is listed, not excluded, and holds the certificates asked for."""
        return (
            machine.id not in self.excluded_machines
            and machine.factory not in self.excluded_factories
            and (self.admitted_machines is None or machine.id in self.admitted_machines)
            and self.certificates <= machine.certificates
        )


@dataclass(frozen=True, kw_only=True)
class Transport:
    """Minutes that a lot travels between two places (factories or destinations).

    Within one place it takes no time; a pair that is not listed takes `default_minutes`.
    """

    minutes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    default_minutes: int = 0

    def lag(self, origin: str, destination: str | None) -> int:
        """Return the travel minutes from `origin` to `destination`."""
        if destination is None or origin == destination:
            return 0
        return self.minutes.get((origin, destination), self.default_minutes)


@dataclass(frozen=True, kw_only=True)
class Option:
    """One way to do one step: a machine with the figures that hold there.

    `set_up_minutes` come before the step after anything of another family;
    `least_set_up_minutes` is what no sequence on the machine can undercut.
    """

    machine: Machine
    rate_per_hour: Rate | None
    duration_minutes: int | None = None
    set_up_minutes: int = 0
    least_set_up_minutes: int = 0
    price_per_hour_minor: int = 0
    min_lot: int = 1
    max_lot: int | None = None
    resumable: bool = True

    def work_minutes(self, quantity: int) -> int:
        """Return the working minutes for `quantity` pieces at the stated rate, rounded up."""
        if self.duration_minutes is not None:
            return self.duration_minutes
        rate = self.rate_per_hour
        assert rate is not None, "an option has a rate or a duration"
        return ceil_div(quantity * MINUTES_PER_HOUR * rate.denominator, rate.numerator)

    def cost_minor(self, quantity: int, set_up_minutes: int) -> int:
        """Return what one lot costs here: its minutes at the stated rate, plus set-up.

        Rounded up to a whole minor unit per lot, so that costs of lots, factories and
        orders add up exactly. Reserve that a safe plan adds is not charged.
        """
        minutes = self.work_minutes(quantity) + set_up_minutes
        return ceil_div(minutes * self.price_per_hour_minor, MINUTES_PER_HOUR)

    def changeover_minutes(self, last: str | None, family: str) -> int:
        """Return the set-up for a step of `family` after another of family `last`.

        None: nothing before it, so the machine is set up as it was at the beginning.
        """
        if not family:
            return self.set_up_minutes
        if last is None:
            last = self.machine.set_up_family
        listed = self.machine.changeovers.get((last, family))
        if listed is not None:
            return listed
        return 0 if last == family else self.set_up_minutes

    def takes_lot(self, quantity: int) -> bool:
        """Tell whether a lot of `quantity` is within this machine's lot limits."""
        return self.min_lot <= quantity and (self.max_lot is None or quantity <= self.max_lot)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Everything a plan is made from. Check it with `validate()` before solving.

    `frozen` assignments are part of every plan exactly as they stand. `now` is the first
    minute at which anything new may start.
    """

    orders: tuple[Order, ...]
    machines: tuple[Machine, ...]
    transport: Transport = field(default_factory=Transport)
    frozen: tuple[Assignment, ...] = ()
    now: int = 0
    currency: str = ""

    @cached_property
    def machine_by_id(self) -> dict[str, Machine]:
        """Machines by their id."""
        return {machine.id: machine for machine in self.machines}

    @cached_property
    def factories(self) -> frozenset[str]:
        """The ids of all factories that have machines."""
        return frozenset(machine.factory for machine in self.machines)

    @cached_property
    def order_by_id(self) -> dict[str, Order]:
        """Orders by their id."""
        return {order.id: order for order in self.orders}

    @cached_property
    def options_by_process(self) -> dict[str, tuple[Option, ...]]:
        """Per process, every machine that has a capability for it, in machine order."""
        found: dict[str, list[Option]] = {}
        for machine in self.machines:
            for capability in machine.capabilities:
                found.setdefault(capability.process, []).append(_option(machine, capability))
        return {process: tuple(options) for process, options in found.items()}

    @cached_property
    def option_by_key(self) -> dict[tuple[str, str], Option]:
        """Market options by (process, machine id)."""
        return {
            (process, option.machine.id): option
            for process, options in self.options_by_process.items()
            for option in options
        }

    def options(self, order: Order, step: int) -> tuple[Option, ...]:
        """Return the machines that may do `step` of `order`, in machine order.

        Machines that the order does not admit are left out.
        """
        wanted, listed = order.steps[step], order.admitted_machines
        found: Iterable[Option]
        if wanted.process is not None and listed is not None:
            found = self._listed_options(wanted.process, listed)
        elif wanted.process is not None:
            found = self.options_by_process.get(wanted.process, ())
        else:
            found = (
                Option(
                    machine=self.machine_by_id[alternative.machine],
                    rate_per_hour=None,
                    duration_minutes=alternative.duration_minutes,
                )
                for alternative in wanted.alternatives
            )
        admitted = (option for option in found if order.admits(option.machine))
        if not wanted.set_up_family:
            return tuple(admitted)
        return tuple(
            replace(option, least_set_up_minutes=_least_set_up(option, wanted.set_up_family))
            for option in admitted
        )

    def option(self, order: Order, step: int, machine: str) -> Option | None:
        """Return how `machine` may do `step` of `order`, or None when it may not."""
        process = order.steps[step].process
        if process is None:
            return next((o for o in self.options(order, step) if o.machine.id == machine), None)
        found = self.option_by_key.get((process, machine))
        return found if found is not None and order.admits(found.machine) else None

    def _listed_options(self, process: str, machines: frozenset[str]) -> Iterable[Option]:
        keys = ((process, machine) for machine in machines)
        options = [self.option_by_key[key] for key in keys if key in self.option_by_key]
        return sorted(options, key=lambda option: self._place_of[option.machine.id])

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {machine.id: place for place, machine in enumerate(self.machines)}

    @cached_property
    def is_shop(self) -> bool:
        """Tell whether this is a plain (flexible) job shop: durations only, nothing closed."""
        return (
            not self.frozen
            and not self.transport.minutes
            and not self.transport.default_minutes
            and all(machine.windows is None for machine in self.machines)
            and not any(machine.changeovers for machine in self.machines)
            and all(step.alternatives for order in self.orders for step in order.steps)
            and all(
                order.price_ceiling_minor is None and order.outside_price_minor is None
                for order in self.orders
            )
            and all(order.max_factories is None and not order.quotas for order in self.orders)
        )

    def set_up_minutes(self, option: Option, step: Key, before: Key | None) -> int:
        """Return the set-up of `step` on `option` when the machine did `before` just before.

        None for another lot of the same step; else the machine's changeover between the two
        families, where it lists one; none within a family; else the capability's set-up.
        """
        if before == step:
            return 0
        last = None if before is None else self.set_up_family(before)
        return option.changeover_minutes(last, self.set_up_family(step))

    def set_up_family(self, step: Key) -> str:
        """Return the set-up family of an (order id, step)."""
        return self.order_by_id[step[0]].steps[step[1]].set_up_family

    def earliest_start(self, order: Order) -> int:
        """Return the first minute at which work on `order` may start."""
        return max(order.release, self.now)

    def validate(self) -> "tuple[Fault, ...]":
        """Name everything that is wrong with this problem; empty means it may be solved."""
        from scheduling.core.validation import faults  # validation reads these classes

        return faults(self)


def _option(machine: Machine, capability: Capability) -> Option:
    return Option(
        machine=machine,
        rate_per_hour=capability.rate_per_hour,
        set_up_minutes=capability.set_up_minutes,
        least_set_up_minutes=capability.set_up_minutes,
        price_per_hour_minor=capability.price_per_hour_minor,
        min_lot=capability.min_lot,
        max_lot=capability.max_lot,
        resumable=capability.resumable,
    )


def _least_set_up(option: Option, family: str) -> int:
    """Return the least set-up of a step of `family`, whatever the machine did before it."""
    changeovers = option.machine.changeovers
    within = changeovers.get((family, family), 0)
    into = (minutes for (_, to), minutes in changeovers.items() if to == family)
    return min(option.set_up_minutes, within, *into)
