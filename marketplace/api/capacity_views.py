"""Machines, idle time and listings over REST."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from devices import selectors as devices
from devices.models import Machine
from marketplace.api.capacity_serializers import (
    CountSerializer,
    ListingOut,
    MachineIn,
    MachineOut,
    NewWindowsSerializer,
    ProcessSerializer,
    PublishSerializer,
    WindowFilter,
    WindowOut,
    WithdrawSerializer,
)
from marketplace.core.spans import Span
from marketplace.selectors import capacity as capacity_reads
from marketplace.selectors.capacity import Terms
from marketplace.selectors.catalogue import capabilities, processes
from marketplace.services.capacity import add_windows, publish_windows, withdraw_windows
from marketplace.services.machines import (
    Ability,
    NewMachine,
    archive_machine,
    change_machine_and_abilities,
    enter_machines,
)
from marketplace.services.window_checks import NewWindow
from tenants.api.idempotency import idempotent
from tenants.clock import site_now
from tenants.core.money import NotAnAmount, to_minor
from tenants.errors import DomainError, NotFound
from tenants.models import Organisation


def _organisation(request: Request) -> Organisation:
    return request.organisation  # type: ignore[attr-defined,no-any-return]


def _acting(request: Request) -> dict[str, Any]:
    """Return the arguments that every service takes."""
    return {
        "organisation": _organisation(request),
        "by": request.user.actor,  # type: ignore[union-attr]
        "now": site_now(),
    }


class ProcessesView(APIView):
    """The catalogue of processes with their attributes."""

    @extend_schema(responses=ProcessSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(ProcessSerializer(processes(), many=True).data)


def _machine_out(request: Request, machines: Sequence[Machine]) -> Any:
    found = capabilities(_organisation(request).pk, machines)
    return MachineOut(machines, many=True, context={"capabilities": found}).data


def _abilities(given: Iterable[dict[str, Any]]) -> list[Ability]:
    return [Ability(**one) for one in given]


class MachinesView(ListAPIView):
    """List and enter machines with what they can do."""

    serializer_class = MachineOut
    write_scope = "capacity"

    def get_queryset(self) -> Any:
        return devices.machines(_organisation(self.request).pk, active_only=False)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(_machine_out(request, page or []))

    @extend_schema(request=MachineIn, responses={201: MachineOut})
    @idempotent
    def post(self, request: Request) -> Response:
        asked = MachineIn(data=request.data)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        site = devices.site(_organisation(request).pk, given.pop("site"))
        abilities = _abilities(given.pop("capabilities", []))
        machine = Machine(site=site, **given)
        enter_machines(**_acting(request), new=[NewMachine(machine=machine, abilities=abilities)])
        return Response(_machine_out(request, [machine])[0], status=status.HTTP_201_CREATED)


class MachineView(APIView):
    """Show, change and archive one machine."""

    write_scope = "capacity"

    @extend_schema(responses=MachineOut)
    def get(self, request: Request, uid: UUID) -> Response:
        machine = devices.machine(_organisation(request).pk, uid)
        return Response(_machine_out(request, [machine])[0])

    @extend_schema(request=MachineIn(partial=True), responses=MachineOut)
    def patch(self, request: Request, uid: UUID) -> Response:
        tenant_id = _organisation(request).pk
        machine = devices.machine(tenant_id, uid)
        asked = MachineIn(machine, data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        if "site" in given:
            given["site"] = devices.site(tenant_id, given["site"])
        listed = given.pop("capabilities", None)
        for name, value in given.items():
            setattr(machine, name, value)
        abilities = None if listed is None else _abilities(listed)
        change_machine_and_abilities(**_acting(request), machine=machine, abilities=abilities)
        return Response(_machine_out(request, [machine])[0])

    @extend_schema(responses={204: None})
    def delete(self, request: Request, uid: UUID) -> Response:
        machine = devices.machine(_organisation(request).pk, uid)
        archive_machine(**_acting(request), machine=machine)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _own_machines(request: Request, uids: Iterable[UUID]) -> dict[UUID, Machine]:
    """Return the machines by uid.

    Raises:
        NotFound: one of them is not there or not in use.
    """
    wanted = set(uids)
    found = {
        machine.uid: machine
        for machine in devices.machines(_organisation(request).pk).filter(uid__in=wanted)
    }
    missing = wanted - set(found)
    if missing:
        raise NotFound(_("There is no machine %(uid)s.") % {"uid": min(map(str, missing))})
    return found


class PriceTooFine(DomainError):
    code = "price_too_fine"


def _minor(amount: Any, currency: str) -> int:
    try:
        return to_minor(amount, currency)
    except NotAnAmount as error:
        raise PriceTooFine(
            _("The price %(price)s has more decimals than %(currency)s has.")
            % {"price": amount, "currency": currency}
        ) from error


class CapacityWindowsView(ListAPIView):
    """List idle time and enter it, up to 2,000 windows at once, all or none."""

    serializer_class = WindowOut
    write_scope = "capacity"

    def get_queryset(self) -> Any:
        found = capacity_reads.windows(_organisation(self.request).pk)
        asked = WindowFilter(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        lookups = {
            "machine": "machine__uid",
            "state": "state",
            "ends_after": "during__endswith__gt",
            "starts_before": "during__startswith__lt",
        }
        return found.filter(
            **{lookups[name]: value for name, value in asked.validated_data.items()}
        )

    @extend_schema(parameters=[WindowFilter])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(request=NewWindowsSerializer, responses={201: WindowOut(many=True)})
    @idempotent
    def post(self, request: Request) -> Response:
        asked = NewWindowsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        created = add_windows(
            **_acting(request),
            new=_new_windows(request, asked.validated_data["windows"]),
            publish=asked.validated_data["publish"],
        )
        return Response(WindowOut(created, many=True).data, status=status.HTTP_201_CREATED)


def _new_windows(request: Request, given: Sequence[dict[str, Any]]) -> list[NewWindow]:
    machines = _own_machines(request, [one["machine"] for one in given])
    currency = _organisation(request).currency
    return [
        NewWindow(
            machine=machines[one["machine"]],
            span=Span(one["starts_at"], one["ends_at"]),
            terms=Terms(
                price_minor_per_hour=_minor(one["price_per_hour"], currency),
                minimum_lot=one["minimum_lot"],
            ),
        )
        for one in given
    ]


class PublishView(APIView):
    """Put drafts up for sale."""

    write_scope = "capacity"

    @extend_schema(request=PublishSerializer, responses=CountSerializer)
    @idempotent
    def post(self, request: Request) -> Response:
        asked = PublishSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        machines = None
        if "machines" in asked.validated_data:
            machines = list(_own_machines(request, asked.validated_data["machines"]).values())
        return Response({"count": publish_windows(**_acting(request), machines=machines)})


class WithdrawView(APIView):
    """Take windows off sale, all or none."""

    write_scope = "capacity"

    @extend_schema(request=WithdrawSerializer, responses=CountSerializer)
    @idempotent
    def post(self, request: Request) -> Response:
        asked = WithdrawSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        count = withdraw_windows(**_acting(request), uids=asked.validated_data["uids"])
        return Response({"count": count})


class ListingsView(ListAPIView):
    """What the market sees of the organisation's machines."""

    serializer_class = ListingOut

    def get_queryset(self) -> Any:
        return capacity_reads.own_listings(_organisation(self.request).pk)
