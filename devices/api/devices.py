"""Devices and their keys over REST."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from devices.models import Device
from devices.services import devices as services
from tenants.clock import site_now


class DeviceSerializer(serializers.ModelSerializer):
    machine = serializers.UUIDField(source="machine.uid", read_only=True)

    class Meta:
        model = Device
        fields = [
            *("uid", "machine", "name", "key_version", "created_at", "last_seen_at"),
            *("clock_offset_ms", "revoked_at"),
        ]


class DeviceWithKeySerializer(DeviceSerializer):
    """A device with its key, which is given this once and never kept."""

    key = serializers.CharField(read_only=True)

    class Meta(DeviceSerializer.Meta):
        fields = [*DeviceSerializer.Meta.fields, "key"]


class NewDeviceSerializer(serializers.Serializer):
    machine = serializers.UUIDField()
    name = serializers.CharField(max_length=64)


def _with_key(device: Device, key: str, code: int) -> Response:
    return Response({**DeviceSerializer(device).data, "key": key}, status=code)


class DevicesView(ListAPIView):
    """List and add devices."""

    serializer_class = DeviceSerializer
    write_scope = "capacity"

    def get_queryset(self) -> Any:
        tenant_id = self.request.organisation.pk  # type: ignore[attr-defined]
        return Device.objects.of(tenant_id).select_related("machine")

    @extend_schema(request=NewDeviceSerializer, responses={201: DeviceWithKeySerializer})
    def post(self, request: Request) -> Response:
        """Add a device to a machine; the reply holds its key, once."""
        asked = NewDeviceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        device, key = services.add_device(
            organisation=request.organisation,  # type: ignore[attr-defined]
            by=request.user.actor,  # type: ignore[union-attr]
            now=site_now(),
            machine_uid=asked.validated_data["machine"],
            name=asked.validated_data["name"],
        )
        return _with_key(device, key, status.HTTP_201_CREATED)


class DeviceKeyView(APIView):
    write_scope = "capacity"

    @extend_schema(request=None, responses=DeviceWithKeySerializer, operation_id="rotate_key")
    def post(self, request: Request, uid: UUID) -> Response:
        """Give a device its next key; the reply holds it, once."""
        device, key = services.rotate_key(
            organisation=request.organisation,  # type: ignore[attr-defined]
            by=request.user.actor,  # type: ignore[union-attr]
            now=site_now(),
            uid=uid,
        )
        return _with_key(device, key, status.HTTP_200_OK)


class DeviceRevokeView(APIView):
    write_scope = "capacity"

    @extend_schema(request=None, responses=DeviceSerializer, operation_id="revoke_device")
    def post(self, request: Request, uid: UUID) -> Response:
        """Take a device out of use."""
        device = services.revoke_device(
            organisation=request.organisation,  # type: ignore[attr-defined]
            by=request.user.actor,  # type: ignore[union-attr]
            now=site_now(),
            uid=uid,
        )
        return Response(DeviceSerializer(device).data)
