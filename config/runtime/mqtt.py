"""The embedded MQTT broker, for one machine: loopback only, two accounts, memory only.

It has no rights by topic and forgets everything when it is killed. That is why a sender
keeps each frame until our own receipt, and why other machines connect to a real broker.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys

from config.runtime.credentials import Credentials
from config.runtime.layout import PORT_VARIABLES, Layout
from config.runtime.process import ProcessSpec, StartFailed

HOST = "127.0.0.1"
SITE_USER = "site"
GATEWAY_USER = "gateway"
# The broker reports every packet as an error, some hundred bytes each, by Python's logging.
RUN_BROKER = (
    "import logging, sys; logging.basicConfig(level='WARNING'); "
    "logging.getLogger('rumqttd').setLevel('CRITICAL'); "
    "from iotcore.iotcore import IotCoreBroker; "
    "IotCoreBroker(config_path=sys.argv[1]).run_forever()"
)


def mqtt_spec(layout: Layout, credentials: Credentials) -> ProcessSpec:
    """Describe the broker; writes its configuration, which holds the passwords."""
    if importlib.util.find_spec("iotcore") is None:
        raise StartFailed(
            "The embedded MQTT broker is not installed; run make demo or make test once, "
            "or give MQTT_URL of a broker that runs elsewhere."
        )
    folder = layout.mqtt_folder
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "broker.toml"
    configuration.touch(mode=0o600)
    configuration.write_text(_configuration(layout.mqtt_port, credentials))
    return ProcessSpec(
        name="mqtt",
        command=(sys.executable, "-c", RUN_BROKER, str(configuration)),
        folder=folder,
        log=layout.log_folder / "mqtt.log",
        probe=lambda: _answers(layout.mqtt_port, SITE_USER, credentials.mqtt_site),
        environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        port=layout.mqtt_port,
        port_variable=PORT_VARIABLES["mqtt"][0],
    )


def _configuration(port: int, credentials: Credentials) -> str:
    accounts = {SITE_USER: credentials.mqtt_site, GATEWAY_USER: credentials.mqtt_gateway}
    users = "\n".join(f"{user} = {json.dumps(password)}" for user, password in accounts.items())
    return f"""\
id = 0
[router]
id = 0
max_connections = 2000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v4.1]
name = "v4"
listen = "{HOST}:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 262144
max_inflight_count = 100
dynamic_filters = true
[v4.1.connections.auth]
{users}
"""


def _answers(port: int, user: str, password: str) -> bool:
    """Say whether the broker accepts a connection of `user` (MQTT 3.1.1, sections 3.1, 3.2)."""
    fields = b"".join(
        len(text).to_bytes(2, "big") + text
        for text in (f"probe-{os.getpid()}".encode(), user.encode(), password.encode())
    )
    # Protocol name and level 4; user name, password and clean session; keep alive 10 s.
    body = b"\x00\x04MQTT\x04\xc2\x00\x0a" + fields
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            connection.sendall(b"\x10" + bytes([len(body)]) + body)
            accepted = connection.recv(4) == b"\x20\x02\x00\x00"
            connection.sendall(b"\xe0\x00")
    except OSError:
        return False
    return accepted
