"""The address of an MQTT broker, and the topics that frames and receipts travel on."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

FRAMES_OF_ALL = "v1/+/f"
GATEWAY = "gateway"


class BadBrokerAddress(ValueError):
    """An address that names no broker, with the sentence for the operator."""


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where a broker listens, and as whom to speak to it."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool


def broker_from_url(url: str) -> Broker:
    """Read `mqtt://user:password@host:port` or `mqtts://…`.

    Raises:
        BadBrokerAddress: anything else.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise BadBrokerAddress("MQTT_URL must read mqtt://user:password@host:port (or mqtts://).")
    is_tls = parts.scheme == "mqtts"
    return Broker(
        host=parts.hostname,
        port=parts.port or (8883 if is_tls else 1883),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=is_tls,
    )


def frames_topic(sender: str) -> str:
    """Return the topic on which a device or gateway sends frames."""
    return f"v1/{sender}/f"


def receipts_topic(sender: str) -> str:
    """Return the topic on which a device or gateway hears that frames are stored."""
    return f"v1/{sender}/ack"


def is_gateway(sender: str) -> bool:
    """Say whether a topic's sender speaks for many devices: `gateway`, or `gateway-…`."""
    return sender == GATEWAY or sender.startswith(f"{GATEWAY}-")


def sender_of(topic: str) -> str | None:
    """Return the device or gateway that a topic of frames or receipts names."""
    parts = topic.split("/")
    return parts[1] if len(parts) == 3 and parts[0] == "v1" else None
