"""What is to be paid in for orders, over REST: for the buyer, and for the platform's operator."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketplace.models import Funding
from marketplace.services.settlement import confirm_proof, send_proof
from tenants.acting import PLATFORM_ID
from tenants.api.idempotency import idempotent
from tenants.clock import site_now
from tenants.errors import NotFound


class PaymentOut(serializers.ModelSerializer):
    amount = serializers.SerializerMethodField(help_text="Minor units, as a string.")

    class Meta:
        model = Funding
        fields = [
            "uid",
            "order_uid",
            "order_number",
            "state",
            "amount",
            "currency",
            "provider",
            "payment_reference",
            "proof",
            "note",
        ]

    def get_amount(self, funding: Funding) -> str:
        return str(funding.amount_minor)


class ProofIn(serializers.Serializer):
    proof = serializers.CharField(max_length=120)


def _fundings(request: Request) -> QuerySet[Funding]:
    """Return the payments of the key's organisation: as buyer, or all of them as the platform."""
    organisation = request.organisation  # type: ignore[attr-defined]
    if organisation.pk == PLATFORM_ID:
        return Funding.objects.filter(platform_id=PLATFORM_ID)
    return Funding.objects.filter(buyer_id=organisation.pk)


def _funding(request: Request, uid: UUID) -> Funding:
    funding = _fundings(request).filter(uid=uid).first()
    if funding is None:
        raise NotFound(_("There is no such payment."))
    return funding


class PaymentsView(ListAPIView):
    """List payments; `?order=` narrows to one order."""

    serializer_class = PaymentOut
    write_scope = "payments"

    def get_queryset(self) -> QuerySet[Funding]:
        found = _fundings(self.request)
        order = self.request.query_params.get("order")
        if not order:
            return found
        try:
            return found.filter(order_uid=UUID(order))
        except ValueError as error:
            raise NotFound(_("There is no such order.")) from error


class PaymentProofView(APIView):
    """Say that the transfer was made."""

    write_scope = "payments"

    @extend_schema(request=ProofIn, responses=PaymentOut)
    @idempotent
    def post(self, request: Request, uid: UUID) -> Response:
        funding = _funding(request, uid)
        given = ProofIn(data=request.data)
        given.is_valid(raise_exception=True)
        acting: Any = {"by": request.user.actor, "now": site_now()}  # type: ignore[union-attr]
        send_proof(funding=funding, proof=given.validated_data["proof"], **acting)
        return Response(PaymentOut(funding).data)


class PaymentConfirmView(APIView):
    """Say as the platform that the money has arrived."""

    write_scope = "payments"

    @extend_schema(request=None, responses=PaymentOut)
    @idempotent
    def post(self, request: Request, uid: UUID) -> Response:
        funding = _funding(request, uid)
        if request.organisation.pk != PLATFORM_ID:  # type: ignore[attr-defined]
            raise NotFound(_("There is no such payment."))
        confirm_proof(
            funding=funding,
            by=request.user.actor,  # type: ignore[union-attr]
            now=site_now(),
        )
        return Response(PaymentOut(funding).data)
