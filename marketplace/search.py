"""The palette: pages by name, and the organisation's own orders, offers and machines."""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace.models import Offer, Order
from marketplace.navigation import groups_of
from tenants.core.roles import may
from tenants.models import Membership

AT_MOST = 8


@dataclass(frozen=True, kw_only=True)
class Found:
    label: str
    url: str
    icon: str
    where: str = ""


def find(*, membership: Membership, text: str) -> list[dict[str, object]]:
    """Return groups of what matches, at most `AT_MOST` of each; an empty text lists the pages."""
    groups = [(_("Pages"), _pages(membership, text))]
    seats = membership.tenant.kinds
    if len(text) >= 2 and "buyer" in seats:
        groups.append((_("Orders"), _orders(membership.tenant_id, text)))
    if len(text) >= 2 and "supplier" in seats:
        groups.append((_("Offers"), _offers(membership.tenant_id, text)))
        groups.append((_("Machines"), _machines(membership.tenant_id, text)))
    return [{"label": label, "items": items} for label, items in groups if items]


def _pages(membership: Membership, text: str) -> list[Found]:
    return [
        Found(
            label=str(item.label),
            url=reverse(item.url_name),
            icon=item.icon,
            where=str(group.label),
        )
        for group in groups_of(membership)
        for item in group.items
        if may(membership.role, item.act) and text.lower() in str(item.label).lower()
    ]


def _orders(tenant_id: int, text: str) -> list[Found]:
    rows = Order.objects.of(tenant_id).filter(Q(number__icontains=text) | Q(title__icontains=text))
    return [
        Found(label=str(row), url=reverse("order", args=[row.uid]), icon="package")
        for row in rows.order_by("-id")[:AT_MOST]
    ]


def _offers(tenant_id: int, text: str) -> list[Found]:
    rows = Offer.objects.of_supplier(tenant_id).filter(order_number__icontains=text)
    return [
        Found(label=row.order_number, url=reverse("offer", args=[row.uid]), icon="inbox")
        for row in rows.order_by("-id")[:AT_MOST]
    ]


def _machines(tenant_id: int, text: str) -> list[Found]:
    machine = apps.get_model("devices", "Machine")
    rows = machine.objects.of(tenant_id).filter(Q(code__icontains=text) | Q(name__icontains=text))
    return [
        Found(label=row.code, url=reverse("machine", args=[row.uid]), icon="cpu", where=row.name)
        for row in rows.order_by("code")[:AT_MOST]
    ]
