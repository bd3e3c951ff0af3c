"""Give new frames their time and machine: boots, clock errors, corrections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

from devices.core.clocks import OffsetBin, bin_of, correction_ms, offset_ms, steadiest
from devices.services.arrivals import Arrival

BOOTS = """
insert into devices_boot as b
    (tenant_id, device_id, machine_id, boot, first_sent_at, last_sent_at, last_received_at,
     correction_ms)
select tenant_id, device_id, machine_id, boot, to_timestamp(first_ms::float8 / 1000),
       to_timestamp(last_ms::float8 / 1000), to_timestamp(received_ms::float8 / 1000), 0
from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::bigint[])
    as u(tenant_id, device_id, machine_id, boot, first_ms, last_ms, received_ms)
on conflict (device_id, boot) do update set
    first_sent_at = least(b.first_sent_at, excluded.first_sent_at),
    last_sent_at = greatest(b.last_sent_at, excluded.last_sent_at),
    last_received_at = greatest(b.last_received_at, excluded.last_received_at)
returning device_id, boot, machine_id, correction_ms,
    (extract(epoch from first_sent_at) * 1000)::bigint,
    (extract(epoch from last_sent_at) * 1000)::bigint
"""
BINS = """
insert into devices_clockbin as c
    (tenant_id, device_id, boot, bin, count, sum_ms, first_at, last_at)
select tenant_id, device_id, boot, bin, count(*), sum(difference_ms),
       to_timestamp(min(received_ms)::float8 / 1000), to_timestamp(max(received_ms)::float8 / 1000)
from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    as u(tenant_id, device_id, boot, bin, difference_ms, received_ms)
group by tenant_id, device_id, boot, bin
on conflict (device_id, boot, bin) do update set
    count = c.count + excluded.count,
    sum_ms = c.sum_ms + excluded.sum_ms,
    first_at = least(c.first_at, excluded.first_at),
    last_at = greatest(c.last_at, excluded.last_at)
"""
BINS_OF_BOOTS = """
select c.device_id, c.boot, c.bin, c.count, c.sum_ms::bigint,
       (extract(epoch from c.first_at) * 1000)::bigint,
       (extract(epoch from c.last_at) * 1000)::bigint
from devices_clockbin c
join unnest(%s::bigint[], %s::bigint[]) as u(device_id, boot) using (device_id, boot)
"""
CORRECT = """
update devices_boot b set correction_ms = u.correction_ms
from unnest(%s::bigint[], %s::bigint[], %s::bigint[]) as u(device_id, boot, correction_ms)
where b.device_id = u.device_id and b.boot = u.boot
"""
SHOW_OFFSET = """
update devices_device d set clock_offset_ms = u.offset_ms
from unnest(%s::bigint[], %s::bigint[], %s::bigint[]) as u(device_id, boot, offset_ms)
where d.id = u.device_id
  and (d.clock_offset_ms is null or abs(d.clock_offset_ms - u.offset_ms) >= 1000)
  and u.boot = (select b.boot from devices_boot b where b.device_id = d.id
                order by b.last_received_at desc, b.boot desc limit 1)
"""

BootKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PlacedFrame:
    """A new frame at its time by the site's clock, on the machine of its boot."""

    tenant_id: int
    machine_id: int
    device_id: int
    boot: int
    seq: int
    at_ms: int
    values: Mapping[str, float | None]
    metrics: str
    """`values` as JSON text."""


@dataclass(frozen=True, slots=True)
class MovedBoot:
    """A boot whose correction has changed, so that its earlier frames have another time now."""

    tenant_id: int
    machine_id: int
    device_id: int
    boot: int
    before_ms: int
    after_ms: int
    first_sent_ms: int
    last_sent_ms: int

    @property
    def start_ms(self) -> int:
        """The earliest time of its frames, by the old and the new correction."""
        return self.first_sent_ms - max(self.before_ms, self.after_ms)

    @property
    def end_ms(self) -> int:
        """The latest time of its frames, by the old and the new correction."""
        return self.last_sent_ms - min(self.before_ms, self.after_ms)


def place_frames(
    cursor: CursorWrapper, new: Sequence[Arrival], *, clock_rate: float
) -> tuple[list[PlacedFrame], list[MovedBoot]]:
    """Return the new frames in site time, and the boots whose earlier frames have moved.

    While the site's clock runs faster than real time, a second of transport is minutes there:
    no device's clock is judged then.
    """
    boots = _touch_boots(cursor, new)
    moved = _correct_boots(cursor, new, boots) if clock_rate == 1 else []
    corrections = {key: row[1] for key, row in boots.items()}
    corrections.update({(one.device_id, one.boot): one.after_ms for one in moved})
    placed = []
    for arrival in new:
        reading = arrival.reading
        key = (arrival.device.id, reading.boot)
        placed.append(
            PlacedFrame(
                arrival.device.tenant_id,
                boots[key][0],
                arrival.device.id,
                reading.boot,
                reading.seq,
                reading.sent_ms - corrections[key],
                reading.values,
                arrival.metrics,
            )
        )
    return placed, moved


def _touch_boots(cursor: CursorWrapper, new: Sequence[Arrival]) -> dict[BootKey, tuple[int, ...]]:
    """Widen the boots of new frames; (machine, correction, first and last sent) of each."""
    rows: dict[BootKey, list[int]] = {}
    for arrival in new:
        device, reading = arrival.device, arrival.reading
        row = rows.get((device.id, reading.boot))
        if row is None:
            rows[device.id, reading.boot] = [
                *(device.tenant_id, device.id, device.machine_id, reading.boot),
                *(reading.sent_ms, reading.sent_ms, arrival.received_ms),
            ]
        else:
            row[4] = min(row[4], reading.sent_ms)
            row[5] = max(row[5], reading.sent_ms)
            row[6] = max(row[6], arrival.received_ms)
    columns = [list(column) for column in zip(*rows.values(), strict=True)]
    cursor.execute(BOOTS, columns)
    return {(row[0], row[1]): row[2:] for row in cursor.fetchall()}


def _correct_boots(
    cursor: CursorWrapper, new: Sequence[Arrival], boots: Mapping[BootKey, tuple[int, ...]]
) -> list[MovedBoot]:
    """Weigh the clock of each boot of the new frames; return those judged otherwise now."""
    _gather_bins(cursor, new)
    cursor.execute(BINS_OF_BOOTS, _columns(boots, 2))
    bins: dict[BootKey, list[OffsetBin]] = {}
    for device_id, boot, *rest in cursor.fetchall():
        bins.setdefault((device_id, boot), []).append(OffsetBin(*rest))
    steady = {key: steadiest(found) for key, found in bins.items()}
    tenants = {one.device.id: one.device.tenant_id for one in new}
    moved = []
    for (device_id, boot), (machine_id, before, first_ms, last_ms) in boots.items():
        after = correction_ms(steady[device_id, boot])
        if after != before:
            moved.append(
                MovedBoot(
                    *(tenants[device_id], machine_id, device_id, boot),
                    *(before, after, first_ms, last_ms),
                )
            )
    if moved:
        changed = [(one.device_id, one.boot, one.after_ms) for one in moved]
        cursor.execute(CORRECT, _columns(changed, 3))
    shown = [(*key, offset_ms(one)) for key, one in steady.items() if one is not None]
    cursor.execute(SHOW_OFFSET, _columns(shown, 3))
    return moved


def _gather_bins(cursor: CursorWrapper, new: Sequence[Arrival]) -> None:
    rows = []
    for arrival in new:
        difference = arrival.reading.sent_ms - arrival.received_ms
        rows.append(
            (
                *(arrival.device.tenant_id, arrival.device.id, arrival.reading.boot),
                *(bin_of(difference), difference, arrival.received_ms),
            )
        )
    cursor.execute(BINS, _columns(rows, 6))


def _columns(rows: Any, width: int) -> list[list[Any]]:
    """Turn rows into the arrays that unnest takes."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
