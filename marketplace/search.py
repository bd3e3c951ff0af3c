"""The palette: pages by name, and the organisation's own orders, offers and machines."""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace.models import Offer, Order
from marketplace.navigation import _url, groups_of
from tenants.core.roles import may
from tenants.models import Membership

AT_MOST = 8


@dataclass(frozen=True, kw_only=True)
class Found:
    label: str
    kind: str
    url: str
    icon: str


def find(*, membership: Membership, text: str) -> list[Found]:
    """Return up to `AT_MOST` of each kind; an empty text lists the pages."""
    found = _pages(membership, text)
    if len(text) < 2:
        return found
    seats = membership.tenant.kinds
    if "buyer" in seats:
        found += _orders(membership.tenant_id, text)
    if "supplier" in seats:
        found += _offers(membership.tenant_id, text) + _machines(membership.tenant_id, text)
    return found


def _pages(membership: Membership, text: str) -> list[Found]:
    items = [i for g in groups_of(membership) for i in g.items if may(membership.role, i.act)]
    return [
        Found(label=str(i.label), kind=_("Page"), url=url, icon=i.icon)
        for i in items
        if text.lower() in str(i.label).lower() and (url := _url(i))
    ]


def _orders(tenant_id: int, text: str) -> list[Found]:
    rows = Order.objects.of(tenant_id).filter(Q(number__icontains=text) | Q(title__icontains=text))
    return [
        Found(label=str(o), kind=_("Order"), url=reverse("order", args=[o.uid]), icon="package")
        for o in rows.order_by("-id")[:AT_MOST]
    ]


def _offers(tenant_id: int, text: str) -> list[Found]:
    rows = Offer.objects.of_supplier(tenant_id).filter(order_number__icontains=text)
    return [
        Found(
            label=o.order_number, kind=_("Offer"), url=reverse("offer", args=[o.uid]), icon="inbox"
        )
        for o in rows.order_by("-id")[:AT_MOST]
    ]


def _machines(tenant_id: int, text: str) -> list[Found]:
    machine = apps.get_model("devices", "Machine")
    rows = machine.objects.of(tenant_id).filter(Q(code__icontains=text) | Q(name__icontains=text))
    return [
        Found(label=m.code, kind=_("Machine"), url=reverse("machine", args=[m.uid]), icon="cpu")
        for m in rows.order_by("code")[:AT_MOST]
    ]
