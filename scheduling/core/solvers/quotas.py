"""Keep count of what a buyer's quotas leave to each factory while lots are placed."""

from collections.abc import Sequence

from scheduling.core.problem import Key, Option, Problem


class QuotaBook:
    """The pieces that quotas still allow and still ask for, per (order, step) and factory.

    A quota's `at_least` is kept by refusing other factories what is needed to reach it.
    """

    def __init__(self, problem: Problem) -> None:
        self._room: dict[Key, dict[str, int]] = {}
        self._owed: dict[Key, dict[str, int]] = {}
        self._left: dict[Key, int] = {}
        for order in problem.orders:
            for quota in order.quotas:
                key = (order.id, quota.step)
                self._left[key] = order.quantity
                self._owed.setdefault(key, {})[quota.factory] = quota.at_least
                if quota.at_most is not None:
                    self._room.setdefault(key, {})[quota.factory] = quota.at_most
        for a in problem.frozen:
            self.take((a.order, a.step), problem.machine_by_id[a.machine].factory, a.quantity)

    def take(self, key: Key, factory: str, quantity: int) -> None:
        """Count pieces of a step that a factory has been given."""
        if key not in self._left:
            return
        self._left[key] -= quantity
        room, owed = self._room.get(key, {}), self._owed[key]
        if factory in room:
            room[factory] -= quantity
        if factory in owed:
            owed[factory] = max(0, owed[factory] - quantity)

    def allowed(self, key: Key, quantity: int, options: Sequence[Option]) -> tuple[Option, ...]:
        """Return the options whose factories may take a lot of `quantity`."""
        if key not in self._left:
            return tuple(options)
        return tuple(o for o in options if self._has_room(key, o.machine.factory, quantity))

    def _has_room(self, key: Key, factory: str, quantity: int) -> bool:
        if self._room.get(key, {}).get(factory, quantity) < quantity:
            return False
        owed = self._owed[key]
        still_owed = sum(owed.values()) - min(owed.get(factory, 0), quantity)
        return self._left[key] - quantity >= still_owed
