"""Where each seat can go: the table behind the navigation, the phone bar and the palette."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.core.roles import Act, may
from tenants.models import Membership


@dataclass(frozen=True, kw_only=True)
class Item:
    label: Promise
    url_name: str
    icon: str
    act: Act = Act.READ
    also: tuple[str, ...] = ()
    """Names of pages that lie beside its own in the address, and are reached from it."""
    under: tuple[str, ...] = ()
    """The same for pages of a single row, by how their addresses begin."""


@dataclass(frozen=True, kw_only=True)
class Group:
    label: Promise | str
    items: tuple[Item, ...]


SEATS: dict[str, tuple[Group, ...]] = {
    "supplier": (
        Group(
            label="",
            items=(
                Item(label=_("Operations"), url_name="supplier_home", icon="gauge"),
                Item(label=_("Work"), url_name="work", icon="clipboard-list"),
                Item(label=_("Machines"), url_name="machines", icon="cpu", also=("sites",)),
                Item(label=_("Shipments"), url_name="supplier_shipments", icon="truck"),
            ),
        ),
        Group(
            label=_("Marketplace"),
            items=(
                Item(label=_("Idle capacity"), url_name="capacity", icon="store"),
                Item(label=_("Offers"), url_name="offers", icon="inbox"),
            ),
        ),
        Group(
            label=_("Finance"),
            items=(
                Item(label=_("Statements"), url_name="statements", icon="receipt"),
                Item(
                    label=_("Credit profile"),
                    url_name="credit_profile",
                    icon="shield-check",
                    also=("consents",),
                ),
                Item(label=_("Loans"), url_name="loans", icon="landmark"),
            ),
        ),
    ),
    "buyer": (
        Group(
            label="",
            items=(
                Item(label=_("Overview"), url_name="buyer_home", icon="layout-dashboard"),
                Item(
                    label=_("Orders"), url_name="orders", icon="package", under=("/buyer/plans/",)
                ),
                Item(label=_("Post an order"), url_name="order_new", icon="plus", act=Act.TRADE),
                Item(label=_("Inspections"), url_name="inspections", icon="search-check"),
                Item(label=_("Payments"), url_name="payments", icon="wallet"),
            ),
        ),
    ),
    "lender": (
        Group(
            label="",
            items=(
                Item(label=_("Desk"), url_name="lender_home", icon="layout-dashboard"),
                Item(label=_("Loan applications"), url_name="lender_loans", icon="landmark"),
                Item(label=_("Credit reports"), url_name="lender_reports", icon="file-check"),
                Item(label=_("Product"), url_name="lender_product", icon="tag"),
            ),
        ),
    ),
    "operator": (
        Group(
            label="",
            items=(
                Item(label=_("Queues"), url_name="operator_home", icon="layout-dashboard"),
                Item(label=_("Organisations"), url_name="organisations", icon="building-2"),
                Item(label=_("Matching runs"), url_name="matching_runs", icon="workflow"),
                Item(label=_("Factory stops"), url_name="factory_stops", icon="octagon-alert"),
                Item(label=_("Quarantine"), url_name="quarantine", icon="shield-alert"),
                Item(label=_("Messages"), url_name="outbox", icon="send"),
            ),
        ),
        Group(
            label=_("Money"),
            items=(
                Item(label=_("Money"), url_name="money", icon="scale"),
                Item(label=_("Ledger"), url_name="ledger", icon="book-open"),
            ),
        ),
    ),
}
FIRST_SCREEN = {
    "supplier": "supplier_home",
    "buyer": "buyer_home",
    "lender": "lender_home",
    "operator": "operator_home",
}
SETTINGS = Group(
    label=_("Organisation"),
    items=(
        Item(label=_("Members"), url_name="members", icon="users"),
        Item(
            label=_("Settings"),
            url_name="organisation_settings",
            icon="settings",
            act=Act.ADMINISTER,
        ),
    ),
)


def groups_of(membership: Membership) -> list[Group]:
    """Return the groups of all the organisation's seats, in the order of `SEATS`."""
    seats = [seat for seat in SEATS if seat in membership.tenant.kinds]
    return [group for seat in seats for group in SEATS[seat]] + [SETTINGS]


def navigation(membership: Membership, path: str) -> list[dict[str, object]]:
    """Return the navigation as the shell's template takes it; the longest match is current."""
    found: list[dict[str, object]] = []
    longest = ""
    for group in groups_of(membership):
        entries: list[dict[str, object]] = []
        for item in group.items:
            if not may(membership.role, item.act):
                continue
            places = [*map(reverse, (item.url_name, *item.also)), *item.under]
            match = max((one for one in places if path.startswith(one)), key=len, default="")
            longest = max(longest, match, key=len)
            entries.append({"label": item.label, "url": places[0], "icon": item.icon, "at": match})
        if entries:
            found.append({"label": group.label, "items": entries})
    for group_shown in found:
        for entry in group_shown["items"]:  # type: ignore[attr-defined]
            entry["current"] = entry.pop("at") == longest != ""
    return found


def first_screen(membership: Membership) -> str:
    """Return the URL name of the page that a member sees first."""
    seat = next(seat for seat in SEATS if seat in membership.tenant.kinds)
    return FIRST_SCREEN[seat]
