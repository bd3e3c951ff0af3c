"""Data folders and ports of their own for the tests that start and kill servers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.runtime.process import MARKER
from config.runtime.servers import DATABASE_VARIABLES
from tests.servers import free_ports

PORTS = ("OPENFLOOR_PG_PORT", "OPENFLOOR_VALKEY_PORT", "OPENFLOOR_MQTT_PORT")
ADDRESSES = (*DATABASE_VARIABLES, "REDIS_URL", "MQTT_URL", "MQTT_GATEWAY_URL", "OPENFLOOR_HTTP")


@pytest.fixture
def bare_environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment like a newcomer's: a fresh data folder, free ports, no address."""
    variables = (*PORTS, "OPENFLOOR_HTTP_PORT")
    ports = dict(zip(variables, map(str, free_ports(4)), strict=True))
    kept = {name: value for name, value in os.environ.items() if name not in {*ADDRESSES, MARKER}}
    return {**kept, **ports, "OPENFLOOR_DATA": str(tmp_path / "data"), "PYTHONUNBUFFERED": "1"}
