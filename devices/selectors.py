"""Reads of sites and machines."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from devices.models import Machine, Site
from tenants.errors import NotFound


def sites(tenant_id: int) -> QuerySet[Site]:
    """Return the sites by name, each with `machine_count` (working machines) and its shifts."""
    return (
        Site.objects.of(tenant_id)
        .annotate(machine_count=Count("machines", filter=Q(machines__is_active=True)))
        .prefetch_related("shifts")
        .order_by("name")
    )


def site(tenant_id: int, uid: UUID | str) -> Site:
    """Return one site with its shifts.

    Raises:
        NotFound: no such site here.
    """
    found = sites(tenant_id).filter(uid=uid).first()
    if found is None:
        raise NotFound(_("There is no such site."))
    return found


def machines(tenant_id: int, *, active_only: bool = True) -> QuerySet[Machine]:
    """Return the machines with site and newest reading, by site and code."""
    found = Machine.objects.of(tenant_id).select_related("site", "latest")
    if active_only:
        found = found.filter(is_active=True)
    return found.order_by("site__name", "code")


def machine(tenant_id: int, uid: UUID | str) -> Machine:
    """Return one machine with its site.

    Raises:
        NotFound: no such machine here.
    """
    found = machines(tenant_id, active_only=False).filter(uid=uid).first()
    if found is None:
        raise NotFound(_("There is no such machine."))
    return found


def known_machine_types(tenant_id: int) -> Sequence[str]:
    """Return the types that the organisation has written before, for suggestions."""
    return list(
        Machine.objects.of(tenant_id)
        .order_by("machine_type")
        .values_list("machine_type", flat=True)
        .distinct()
    )
