"""Sites over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from devices import selectors
from devices.models import Shift, Site
from devices.services.sites import ShiftTime, save_site, set_shifts
from tenants.api.idempotency import idempotent
from tenants.clock import site_now


class ShiftSerializer(serializers.ModelSerializer):
    """A weekly shift; weekday 0 is Monday, an end at or before the start is the next day."""

    weekday = serializers.IntegerField(min_value=0, max_value=6)

    class Meta:
        model = Shift
        fields = ["weekday", "starts_at", "ends_at"]


class SiteSerializer(serializers.ModelSerializer):
    machine_count = serializers.IntegerField(read_only=True)
    shifts = ShiftSerializer(many=True, required=False)

    class Meta:
        model = Site
        fields = [
            *("uid", "name", "name_zh", "city", "time_zone", "x_km", "y_km"),
            *("machine_count", "shifts"),
        ]


def _save(request: Request, site: Site, given: dict[str, Any]) -> Site:
    """Store a site and, when they are given, its shifts; return it as it is read."""
    organisation, by = request.organisation, request.user.actor  # type: ignore[attr-defined,union-attr]
    shifts = given.pop("shifts", None)
    for name, value in given.items():
        setattr(site, name, value)
    save_site(organisation=organisation, by=by, now=site_now(), site=site)
    if shifts is not None:
        set_shifts(
            organisation=organisation,
            by=by,
            now=site_now(),
            site=site,
            shifts=[ShiftTime(**shift) for shift in shifts],
        )
    return selectors.site(organisation.pk, site.uid)


class SitesView(ListAPIView):
    """List and enter sites."""

    serializer_class = SiteSerializer
    write_scope = "capacity"

    def get_queryset(self) -> Any:
        return selectors.sites(self.request.organisation.pk)  # type: ignore[attr-defined]

    @extend_schema(request=SiteSerializer, responses={201: SiteSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        asked = SiteSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        site = _save(request, Site(), asked.validated_data)
        return Response(SiteSerializer(site).data, status=status.HTTP_201_CREATED)


class SiteView(APIView):
    """Show and change one site; given shifts replace all that it has."""

    write_scope = "capacity"

    @extend_schema(responses=SiteSerializer)
    def get(self, request: Request, uid: str) -> Response:
        site = selectors.site(request.organisation.pk, uid)  # type: ignore[attr-defined]
        return Response(SiteSerializer(site).data)

    @extend_schema(request=SiteSerializer(partial=True), responses=SiteSerializer)
    def patch(self, request: Request, uid: str) -> Response:
        site = selectors.site(request.organisation.pk, uid)  # type: ignore[attr-defined]
        asked = SiteSerializer(site, data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        return Response(SiteSerializer(_save(request, site, asked.validated_data)).data)
