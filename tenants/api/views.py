"""Who a key acts for."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.clock import site_now


class WhoAmISerializer(serializers.Serializer):
    organisation = serializers.UUIDField()
    name = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.CharField())
    site_time = serializers.DateTimeField()


class WhoAmI(APIView):
    @extend_schema(responses=WhoAmISerializer, operation_id="who_am_i")
    def get(self, request: Request) -> Response:
        """Return the organisation, the scopes of the key and the site's time."""
        reply = WhoAmISerializer(
            {
                "organisation": request.organisation.uid,
                "name": request.organisation.name,
                "kinds": request.organisation.kinds,
                "scopes": sorted(request.user.scopes),
                "site_time": site_now(),
            }
        )
        return Response(reply.data)
