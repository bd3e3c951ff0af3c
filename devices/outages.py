"""How machines stand by their devices' word, made from the states that were told of late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connections

from devices.core.outages import Service, service_of
from devices.core.states import Interval

MachineKey = tuple[int, int]
"""Tenant and id of a machine: the index of its states is led by both."""
TOLD = """
select u.tenant_id, u.machine_id, s.state, (extract(epoch from lower(s.during)) * 1000)::bigint,
       (extract(epoch from upper(s.during)) * 1000)::bigint
from unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) as u(tenant_id, machine_id, since)
join devices_stateinterval s on s.tenant_id = u.tenant_id and s.machine_id = u.machine_id
    and int8range(s.machine_id, s.machine_id, '[]') && int8range(u.machine_id, u.machine_id, '[]')
    and s.during && tstzrange(u.since, null)
order by 1, 2, 4
"""


def told_service(since: Mapping[MachineKey, datetime], *, using: str) -> dict[MachineKey, Service]:
    """Return how machines stand after what was told since an instant of each, in one query.

    A state that began before the instant counts from its beginning.
    """
    if not since:
        return {}
    columns: list[Any] = [[t for t, _ in since], [m for _, m in since], list(since.values())]
    with connections[using].cursor() as cursor:
        cursor.execute(TOLD, columns)
        rows = cursor.fetchall()
    found = {}
    for machine, told in groupby(rows, key=lambda row: (row[0], row[1])):
        service = service_of(Interval(start, end, state) for _, _, state, start, end in told)
        if service is not None:
            found[machine] = service
    return found
