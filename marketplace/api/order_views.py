"""Orders, their bands and their plans over REST."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketplace.api.order_serializers import (
    OrderIn,
    OrderOut,
    PlanDetailOut,
    PlanOut,
    PlanRequestOut,
    SteerIn,
)
from marketplace.core.plan_json import PlanDocument
from marketplace.models import ASIDE, Order, Plan, PlanRequest
from marketplace.selectors.catalogue import processes
from marketplace.services.choosing import PlanGone, choose_plan
from marketplace.services.orders import cancel_order, find_order, post_order
from marketplace.services.planning import RequestGone, stop_and_use
from marketplace.services.steering import steer_plan
from marketplace.services.waiting import wait_for_room
from tenants.api.idempotency import idempotent
from tenants.api.queries import choice_of, uid_of
from tenants.clock import site_now


def _acting(request: Request) -> dict[str, Any]:
    return {
        "organisation": request.organisation,  # type: ignore[attr-defined]
        "by": request.user.actor,  # type: ignore[union-attr]
        "now": site_now(),
    }


def _requests(request: Request) -> QuerySet[PlanRequest]:
    return PlanRequest.objects.filter(buyer_id=request.organisation.pk)  # type: ignore[attr-defined]


def _request_out(found: PlanRequest) -> Any:
    by_code = {process.code: process for process in processes()}
    return PlanRequestOut(found, context={"processes": by_code}).data


class OrdersView(ListAPIView):
    serializer_class = OrderOut
    write_scope = "orders"

    def get_queryset(self) -> QuerySet[Order]:
        """List the own organisation's orders; `?state=` narrows."""
        found = Order.objects.of(self.request.organisation.pk)
        state = choice_of(self.request, "state", Order._meta.get_field("state"))
        found = found.filter(state=state) if state else found
        return found.prefetch_related("steps__process")

    @extend_schema(request=OrderIn, responses={201: OrderOut})
    @idempotent
    def post(self, request: Request) -> Response:
        """Post an order: a band follows at once, plans a little later."""
        given = OrderIn(data=request.data)
        given.is_valid(raise_exception=True)
        order = post_order(asked=given.asked(), **_acting(request))
        return Response(OrderOut(order).data, status=201)


class OrderView(APIView):
    @extend_schema(responses=OrderOut)
    def get(self, request: Request, uid: UUID) -> Response:
        order = find_order(organisation=request.organisation, uid=uid)  # type: ignore[attr-defined]
        return Response(OrderOut(order).data)


class OrderCancelView(APIView):
    write_scope = "orders"

    @extend_schema(request=None, responses=OrderOut)
    @idempotent
    def post(self, request: Request, uid: UUID) -> Response:
        """Cancel an order before its production."""
        return Response(OrderOut(cancel_order(uid=uid, **_acting(request))).data)


class BandView(APIView):
    @extend_schema(responses=PlanRequestOut)
    def get(self, request: Request, uid: UUID) -> Response:
        """Return the newest planning run of an order, with its band once there is one."""
        order = find_order(organisation=request.organisation, uid=uid)  # type: ignore[attr-defined]
        asked = _requests(request).filter(order_uid=order.uid)
        found = asked.exclude(purpose__in=ASIDE).order_by("-id").first()
        if found is None:
            raise RequestGone(_("This order was not posted yet."))
        return Response(_request_out(found))


class PlanRequestView(APIView):
    @extend_schema(responses=PlanRequestOut)
    def get(self, request: Request, uid: UUID) -> Response:
        found = _requests(request).filter(uid=uid).first()
        if found is None:
            raise RequestGone(_("There is no such planning run."))
        return Response(_request_out(found))


class PlanRequestStopView(APIView):
    write_scope = "orders"

    @extend_schema(request=None, responses=PlanRequestOut)
    def post(self, request: Request, uid: UUID) -> Response:
        """Take the best plans found so far."""
        return Response(_request_out(stop_and_use(uid=uid, **_acting(request))))


class ShareWaitView(APIView):
    write_scope = "orders"

    @extend_schema(request=None, responses=PlanRequestOut)
    def post(self, request: Request, uid: UUID) -> Response:
        """Keep a returned share without a place open until capacity appears."""
        return Response(_request_out(wait_for_room(uid=uid, **_acting(request))))


class PlansView(ListAPIView):
    """The alternatives; `?order=` narrows to one order."""

    serializer_class = PlanOut

    def get_queryset(self) -> QuerySet[Plan]:
        found = Plan.objects.filter(buyer_id=self.request.organisation.pk)
        order = uid_of(self.request, "order")
        found = found.filter(order_uid=order) if order else found
        state = choice_of(self.request, "state", Plan._meta.get_field("state"))
        found = found.filter(state=state) if state else found
        return found.select_related("request", "steering").defer("schedule", "reasons")


class PlanView(APIView):
    @extend_schema(responses=PlanDetailOut)
    def get(self, request: Request, uid: UUID) -> Response:
        """Show one alternative with every operation."""
        own = Plan.objects.filter(buyer_id=request.organisation.pk)  # type: ignore[attr-defined]
        plan = own.filter(uid=uid).select_related("request", "steering").first()
        if plan is None:
            raise PlanGone(_("There is no such plan."))
        context = {"document": PlanDocument.from_json(plan.schedule)}
        return Response(PlanDetailOut(plan, context=context).data)


class PlanChooseView(APIView):
    write_scope = "orders"

    @extend_schema(request=None, responses=PlanOut)
    @idempotent
    def post(self, request: Request, uid: UUID) -> Response:
        """Choose a plan: its shares are offered to the factories."""
        return Response(PlanOut(choose_plan(uid=uid, **_acting(request))).data)


class PlanSteerView(APIView):
    write_scope = "orders"

    @extend_schema(request=SteerIn, responses={202: PlanRequestOut})
    @idempotent
    def post(self, request: Request, uid: UUID) -> Response:
        """Ask for one more plan with another split; its planning run names the answer."""
        given = SteerIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = steer_plan(uid=uid, wishes=given.wishes(), **_acting(request))
        return Response(_request_out(asked), status=202)
