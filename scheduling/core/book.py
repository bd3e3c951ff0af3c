"""Keep a whole market's machines and bookings ready, to answer about one order in an instant.

An answer looks at the few machines that matter: the supply ranks all machines of a process
at once, and `around` states the orders in question over the chosen machines as a small
problem, in which everybody else's bookings are frozen exactly where they lie. What is planned
there holds in the whole market.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from scheduling.core.calendars import Calendar, calendar_of
from scheduling.core.problem import Key, Machine, Option, Order, Problem
from scheduling.core.schedule import Assignment
from scheduling.core.solvers.floor import Place, SetUp, Timeline
from scheduling.core.supply import Supply

STUB = "\x00"
"""Begins the ids of the orders that stand for bookings of others in a small problem."""


class CapacityBook:
    """The machines and bookings of a market, by machine and by order.

    `machines` and `orders` are as they stand now; `problem` is what the book began with. Not
    safe for concurrent change; readers of one thread only.
    """

    def __init__(self, problem: Problem, booked: Iterable[Assignment] = ()) -> None:
        self.problem = problem
        self.machines = list(problem.machines)
        self.row_of = {machine.id: row for row, machine in enumerate(problem.machines)}
        self.orders = dict(problem.order_by_id)
        self.supply = Supply(problem, self.machines)
        self._bookings: list[list[Assignment]] = [[] for _ in problem.machines]
        self._lots: dict[str, dict[int, dict[int, Assignment]]] = {}
        self._rows_of_factory: dict[str, list[int]] = {}
        self._calendars: dict[str, Calendar] = {}
        self._timelines: dict[int, Timeline] = {}
        for assignment in booked:
            self._bookings[self.row_of[assignment.machine]].append(assignment)
            self._note(assignment)
        for row, machine in enumerate(self.machines):
            self._rows_of_factory.setdefault(machine.factory, []).append(row)
            self._changed(row)

    def machine(self, machine: str) -> Machine:
        """Return a machine as it stands now."""
        return self.machines[self.row_of[machine]]

    def machines_of(self, factory: str) -> list[Machine]:
        """Return the machines of a factory as they stand now."""
        return [self.machines[row] for row in self._rows_of_factory.get(factory, ())]

    def calendar(self, machine: Machine) -> Calendar:
        """Return the calendar of a machine, bookings not taken off."""
        found = self._calendars.get(machine.id)
        if found is None:
            found = self._calendars[machine.id] = calendar_of(machine)
        return found

    def change(self, machine: Machine) -> None:
        """Take over new windows or rates of a machine, its processes staying the same."""
        row = self.row_of[machine.id]
        self.machines[row] = machine
        self._calendars.pop(machine.id, None)
        self.supply.forget(machine)
        self._changed(row)

    def on(self, machine: str) -> Sequence[Assignment]:
        """Return what is booked on a machine, in order of start."""
        return self._bookings[self.row_of[machine]]

    def of(self, order: str) -> list[Assignment]:
        """Return every booking of an order, lot by lot."""
        return [a for lot in self._lots.get(order, {}).values() for a in lot.values()]

    def lots_of(self, order: str) -> Mapping[int, Mapping[int, Assignment]]:
        """Return the bookings of an order by lot and step."""
        return self._lots.get(order, {})

    def lot(self, order: str, number: int) -> dict[int, Assignment]:
        """Return the bookings of one lot by step."""
        return dict(self._lots.get(order, {}).get(number, {}))

    def all(self) -> list[Assignment]:
        """Return every booking of the market."""
        return [a for bookings in self._bookings for a in bookings]

    def add(self, orders: Iterable[Order], assignments: Iterable[Assignment]) -> None:
        """Book `assignments` of `orders`."""
        self.orders.update({order.id: order for order in orders})
        touched = set()
        for assignment in assignments:
            row = self.row_of[assignment.machine]
            self._bookings[row].append(assignment)
            self._note(assignment)
            touched.add(row)
        for row in touched:
            self._bookings[row].sort(key=lambda a: (a.start, a.end))
            self._changed(row)

    def remove(self, assignments: Collection[Assignment]) -> None:
        """Give back what was booked."""
        gone = frozenset(assignments)
        for assignment in gone:
            lots = self._lots[assignment.order]
            del lots[assignment.lot][assignment.step]
            if not lots[assignment.lot]:
                del lots[assignment.lot]
        for row in {self.row_of[assignment.machine] for assignment in gone}:
            self._bookings[row] = [a for a in self._bookings[row] if a not in gone]
            self._changed(row)

    def bereft(self, machines: Iterable[str], *, since: int) -> list[Assignment]:
        """Return the bookings on `machines` from `since` on that lack their set-up.

        A lot that follows another of its step counts on the set-up before both: when the
        first is removed, the second has none.
        """
        found: list[Assignment] = []
        for machine in machines:
            previous: Key | None = None
            for a in self.on(machine):
                key = (a.order, a.step)
                option = self.option(a)
                needed = 0 if option is None else self._needed(option, key, previous)
                if a.start >= since and a.set_up_minutes < needed:
                    found.append(a)
                    continue
                previous = key
        return found

    def option(self, booked: Assignment) -> Option | None:
        """Return how the machine of a booking does its step, as it stands now."""
        process = self.orders[booked.order].steps[booked.step].process
        return self.supply.option(process, self.row_of[booked.machine])

    def set_up(self, option: Option, key: Key) -> SetUp:
        """Return what tells the set-up of a step on `option` after any other step."""
        return partial(self._needed, option, key)

    def timeline(self, machine: str) -> Timeline:
        """Return the bookings of a machine as a line to find room in; do not book into it."""
        row = self.row_of[machine]
        found = self._timelines.get(row)
        if found is None:
            found = Timeline(self.calendar(self.machines[row]))
            for a in self._bookings[row]:
                key, option = (a.order, a.step), self.option(a)
                needed = _no_set_up if option is None else self.set_up(option, key)
                found.freeze(Place(a.start, a.end, a.set_up_minutes), key, a.lot, needed)
            self._timelines[row] = found
        return found

    def around(
        self, orders: Sequence[Order], machines: Iterable[str], *, kept: Collection[Assignment] = ()
    ) -> Problem:
        """State `orders` over `machines` as a problem in which all other bookings are frozen.

        `kept` are bookings of `orders` themselves that stay; their others are given up, and
        the machines of `kept` are added.
        """
        ids = {order.id for order in orders}
        rows = sorted(
            {self.row_of[machine] for machine in machines}
            | {self.row_of[assignment.machine] for assignment in kept}
        )
        pieces: dict[Key, int] = {}
        frozen = list(kept)
        for row in rows:
            for a in self._bookings[row]:
                if a.order not in ids:
                    key = (a.order, a.step)
                    pieces[key] = pieces.get(key, 0) + a.quantity
                    frozen.append(_stubbed(a))
        return replace(
            self.problem,
            orders=(*orders, *(self._stub(key, quantity) for key, quantity in pieces.items())),
            machines=tuple(self.machines[row] for row in rows),
            frozen=tuple(frozen),
        )

    def calendars_of(self, problem: Problem) -> Mapping[str, Calendar]:
        """Return the calendars of a small problem's machines, made only once."""
        return {machine.id: self.calendar(machine) for machine in problem.machines}

    def as_problem(self) -> Problem:
        """Return the whole market as it stands now."""
        return replace(
            self.problem, machines=tuple(self.machines), orders=tuple(self.orders.values())
        )

    def _note(self, a: Assignment) -> None:
        self._lots.setdefault(a.order, {}).setdefault(a.lot, {})[a.step] = a

    def _needed(self, option: Option, key: Key, before: Key | None) -> int:
        if before == key:
            return 0
        last = None if before is None else self._family(before)
        return option.changeover_minutes(last, self._family(key))

    def _family(self, key: Key) -> str:
        return self.orders[key[0]].steps[key[1]].set_up_family

    def _stub(self, key: Key, quantity: int) -> Order:
        """Return an order of just one step that stands for what is booked of another's."""
        step = self.orders[key[0]].steps[key[1]]
        if step.after:
            step = replace(step, after=())
        return Order(id=_stub_name(key), quantity=quantity, steps=(step,))

    def _changed(self, row: int) -> None:
        self._timelines.pop(row, None)
        self.supply.count(row, self.calendar(self.machines[row]), self._bookings[row])


def own(assignments: Iterable[Assignment]) -> list[Assignment]:
    """Return the assignments that are not stubs of others' bookings."""
    return [a for a in assignments if not a.order.startswith(STUB)]


def _stub_name(key: Key) -> str:
    return f"{STUB}{key[0]}/{key[1]}"


def _stubbed(booked: Assignment) -> Assignment:
    """Return a booking as one of the stub order of its step."""
    return Assignment(
        order=_stub_name((booked.order, booked.step)),
        lot=booked.lot,
        step=0,
        machine=booked.machine,
        start=booked.start,
        end=booked.end,
        quantity=booked.quantity,
        set_up_minutes=booked.set_up_minutes,
    )


def _no_set_up(before: Key | None) -> int:
    return 0
