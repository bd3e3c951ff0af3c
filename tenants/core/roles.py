"""What each role may do."""

from __future__ import annotations

from enum import StrEnum


class Act(StrEnum):
    READ = "read"
    """See the organisation's pages."""
    ADMINISTER = "administer"
    """Members, invitations, keys, settings."""
    TRADE = "trade"
    """Capacity, orders, offers, inspections."""
    PRODUCE = "produce"
    """Machines, work orders, shipments."""
    PAY = "pay"
    """Fund, confirm and release money; lend and borrow; consents."""


_ALL = frozenset(Act)
ACTS_OF_ROLE: dict[str, frozenset[Act]] = {
    "owner": _ALL,
    "manager": _ALL - {Act.ADMINISTER},
    "operator": frozenset({Act.READ, Act.PRODUCE}),
    "viewer": frozenset({Act.READ}),
}


def may(role: str, act: Act) -> bool:
    """Say whether a member in `role` may do `act`."""
    return act in ACTS_OF_ROLE.get(role, frozenset())
