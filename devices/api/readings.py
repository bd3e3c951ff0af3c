"""Frames in over HTTPS, and what machines have told out again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from devices import selectors, telemetry
from devices.models import MachineState, Rollup
from devices.services.posts import accept_post
from tenants.clock import site_now

MOST_BUCKETS = 2_000


class FrameSerializer(serializers.Serializer):
    """One frame, as docs/frames.md says; a message may also be a list of them."""

    dev = serializers.CharField(max_length=64, help_text="The device's uid, or its name.")
    boot = serializers.IntegerField(min_value=0)
    seq = serializers.IntegerField(min_value=0)
    ts = serializers.IntegerField(min_value=0, help_text="Milliseconds since 1970, device time.")
    v = serializers.DictField(child=serializers.FloatField(allow_null=True))
    mac = serializers.CharField(required=False)


class AcceptedSerializer(serializers.Serializer):
    post = serializers.UUIDField()
    frames = serializers.IntegerField()


class ReadingsView(APIView):
    write_scope = "readings"

    @extend_schema(request=FrameSerializer(many=True), responses={202: AcceptedSerializer})
    def post(self, request: Request) -> Response:
        """Hand in one frame or a list of frames; a 2xx means that they are safe.

        They are stored within a second by the same code as frames over MQTT. Send a message
        again until you have its reply: what came before is not stored twice. A frame that cannot
        be taken (unknown device, impossible time) goes to quarantine with its reason.
        """
        post, frames = accept_post(
            organisation=request.organisation,  # type: ignore[attr-defined]
            now=site_now(),
            body=request.body,
        )
        return Response({"post": post.uid, "frames": frames}, status=status.HTTP_202_ACCEPTED)


class StateSerializer(serializers.Serializer):
    state = serializers.ChoiceField(choices=MachineState.choices)
    at = serializers.DateTimeField(allow_null=True)
    metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))


class MachineStateView(APIView):
    @extend_schema(responses=StateSerializer, operation_id="machine_state")
    def get(self, request: Request, uid: str) -> Response:
        """Return a machine's newest values and how old they are."""
        machine = selectors.machine(request.organisation.pk, uid)  # type: ignore[attr-defined]
        latest = telemetry.latest_reading(machine)
        told: dict[str, Any] = {"state": MachineState.OFFLINE.value, "at": None, "metrics": {}}
        if latest is not None:
            told = {"state": latest.state, "at": latest.at, "metrics": latest.metrics}
        return Response(StateSerializer(told).data)


class RollupSerializer(serializers.ModelSerializer):
    class Meta:
        model = Rollup
        fields = ["bucket", "count", "sum", "minimum", "maximum", "last", "last_at"]


class SpanSerializer(serializers.Serializer):
    """Which buckets: by default the last day."""

    metric = serializers.CharField(max_length=60)
    minutes = serializers.ChoiceField(choices=[10, 60, 1440], default=60)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        until = attrs.setdefault("until", site_now())
        since = attrs.setdefault("since", until - timedelta(days=1))
        if since >= until:
            raise serializers.ValidationError({"since": "since must lie before until."})
        if (until - since) / timedelta(minutes=int(attrs["minutes"])) > MOST_BUCKETS:
            sentence = f"This asks for more than {MOST_BUCKETS} buckets: use wider ones."
            raise serializers.ValidationError({"minutes": sentence})
        return attrs


class MachineRollupsView(APIView):
    @extend_schema(
        parameters=[
            SpanSerializer,
            OpenApiParameter("uid", str, OpenApiParameter.PATH),
        ],
        responses=RollupSerializer(many=True),
        operation_id="machine_rollups",
    )
    def get(self, request: Request, uid: str) -> Response:
        """Return the buckets of one metric of a machine, in the order of time."""
        machine = selectors.machine(request.organisation.pk, uid)  # type: ignore[attr-defined]
        asked = SpanSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        span = asked.validated_data
        found = telemetry.rollups(
            machine,
            metric=span["metric"],
            minutes=int(span["minutes"]),
            since=span["since"],
            until=span["until"],
        )
        return Response(RollupSerializer(found, many=True).data)
