"""What goes in and out of the API about machines and their idle time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from devices.models import Machine
from marketplace.models import Capability, CapabilityAttribute, CapacityWindow, Listing, Process
from marketplace.models.capacity import WindowState
from marketplace.services.window_checks import MOST_PIECES
from tenants.core.money import to_decimal

MOST_WINDOWS = 2_000


class AttributeSerializer(serializers.ModelSerializer):
    class Meta:
        model = CapabilityAttribute
        fields = ["code", "name", "name_zh", "unit", "is_choice", "choices"]


class ProcessSerializer(serializers.ModelSerializer):
    attributes = AttributeSerializer(many=True)

    class Meta:
        model = Process
        fields = ["code", "name", "name_zh", "attributes"]


class CapabilitySerializer(serializers.Serializer):
    """`attributes` by code: a number, or a list of the codes of choices."""

    process = serializers.SlugRelatedField(
        slug_field="code", queryset=Process.objects.prefetch_related("attributes")
    )
    pieces_per_hour = serializers.IntegerField()
    set_up_minutes = serializers.IntegerField(default=0)
    attributes = serializers.DictField(default=dict)


class MachineSiteSerializer(serializers.Serializer):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    time_zone = serializers.CharField()


class MachineOut(serializers.ModelSerializer):
    site = MachineSiteSerializer()
    state = serializers.SerializerMethodField()
    capabilities = serializers.SerializerMethodField()

    class Meta:
        model = Machine
        fields = [
            *("uid", "code", "name", "machine_type", "site", "state"),
            *("is_active", "is_simulated", "capabilities"),
        ]

    def get_state(self, machine: Machine) -> str:
        latest = getattr(machine, "latest", None)
        return latest.state if latest else "offline"

    def get_capabilities(self, machine: Machine) -> list[dict[str, Any]]:
        rows: list[Capability] = self.context["capabilities"].get(machine.pk, [])
        return CapabilitySerializer(rows, many=True).data


class MachineIn(serializers.ModelSerializer):
    """A machine to enter or change; given capabilities replace all that it has."""

    site = serializers.UUIDField()
    capabilities = CapabilitySerializer(many=True, required=False)

    class Meta:
        model = Machine
        fields = ["code", "name", "machine_type", "site", "capabilities"]


class InstantField(serializers.DateTimeField):
    """An instant: without an offset it would mean another one in each zone."""

    default_error_messages = {
        "offset": _("The time needs its offset, as in 2026-03-02T22:00:00+08:00.")
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("offset")
        return super().enforce_timezone(value)


class NewWindowSerializer(serializers.Serializer):
    machine = serializers.UUIDField()
    starts_at = InstantField()
    ends_at = InstantField()
    price_per_hour = serializers.DecimalField(max_digits=15, decimal_places=4)
    minimum_lot = serializers.IntegerField(default=1, min_value=1, max_value=MOST_PIECES)


class NewWindowsSerializer(serializers.Serializer):
    """Windows to enter, all or none, and whether to publish them at once."""

    windows = NewWindowSerializer(many=True, allow_empty=False, max_length=MOST_WINDOWS)
    publish = serializers.BooleanField(default=False)


class WindowOut(serializers.ModelSerializer):
    machine = serializers.UUIDField(source="machine.uid")
    machine_code = serializers.CharField(source="machine.code")
    starts_at = serializers.DateTimeField(source="during.lower")
    ends_at = serializers.DateTimeField(source="during.upper")
    price_per_hour = serializers.SerializerMethodField()

    class Meta:
        model = CapacityWindow
        fields = [
            *("uid", "machine", "machine_code", "starts_at", "ends_at"),
            *("price_per_hour", "currency", "minimum_lot", "state"),
        ]

    def get_price_per_hour(self, window: CapacityWindow) -> str:
        return str(to_decimal(window.price_minor_per_hour, window.currency))


class WindowFilter(serializers.Serializer):
    """What a list of windows may be narrowed to."""

    machine = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=WindowState.choices, required=False)
    ends_after = InstantField(required=False)
    starts_before = InstantField(required=False)


class PublishSerializer(serializers.Serializer):
    """The machines whose drafts are published; without, all."""

    machines = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=MOST_WINDOWS
    )


class WithdrawSerializer(serializers.Serializer):
    uids = serializers.ListField(
        child=serializers.UUIDField(), allow_empty=False, max_length=MOST_WINDOWS
    )


class CountSerializer(serializers.Serializer):
    """How many windows changed."""

    count = serializers.IntegerField()


class ListingOut(serializers.ModelSerializer):
    """What the market sees of one machine."""

    machine = serializers.UUIDField(source="machine_uid")
    price_per_hour = serializers.SerializerMethodField()

    class Meta:
        model = Listing
        fields = [
            *("uid", "machine", "state", "processes", "snapshot", "windows"),
            *("price_per_hour", "currency", "minimum_lot", "listed_until", "updated_at"),
        ]

    def get_price_per_hour(self, listing: Listing) -> str:
        return str(to_decimal(listing.price_minor_per_hour, listing.currency))
