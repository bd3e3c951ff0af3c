"""Made-up figures for the style guide: one supplier with 24 machines, always the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

from django.utils.translation import gettext as _

NOW = datetime(2026, 11, 18, 1, 57, tzinfo=UTC)
FACTORIES = (
    (_("Suzhou Precision"), 9, 69),
    (_("Wuxi sheet-metal plant"), 8, 65),
    (_("Kunshan tooling"), 7, 74),
)
HOUR_MS = 3_600_000


def milliseconds(moment: datetime) -> int:
    """Return epoch milliseconds, the unit of the Gantt."""
    return int(moment.timestamp() * 1000)


def machine_names() -> list[str]:
    """Return the machines' names in order."""
    kinds = (
        _("CNC lathe"),
        _("Laser cutter"),
        _("Press brake"),
        _("CNC lathe"),
        _("Press brake"),
        _("Grinder"),
    )
    return [f"M{number:03} {kinds[(number - 1) % len(kinds)]}" for number in range(1, 25)]


def plan(machines: int = 24, days: int = 9, seed: int = 7) -> dict[str, Any]:
    """Return a schedule in the Gantt's format over `machines` machines of three factories."""
    random = Random(seed)
    start = datetime(2026, 11, 16, 16, tzinfo=UTC)
    names = machine_names()
    groups, row = [], 0
    shares = [round(machines * count / 24) for _name, count, _oee in FACTORIES[:2]]
    sizes = [*shares, machines - sum(shares)]
    for position, (name, _count, oee) in enumerate(FACTORIES):
        rows = []
        for _one in range(sizes[position]):
            label = names[row] if row < len(names) else f"M{row + 1:03}"
            rows.append({"id": row, "name": label, "calendar": row % 2})
            row += 1
        note = _("%(count)s machines · OEE today %(oee)s%%") % {"count": len(rows), "oee": oee}
        groups.append({"id": position, "name": _(name), "note": note, "rows": rows})
    bars = [bar for number in range(machines) for bar in _machine_bars(number, start, days, random)]
    return {
        "zone": "Asia/Shanghai",
        "now": milliseconds(NOW),
        "from": milliseconds(start),
        "to": milliseconds(start + timedelta(days=days)),
        "calendars": [_closed(start, days, 22, 6), []],
        "groups": groups,
        "bars": bars,
    }


def _closed(start: datetime, days: int, closes: int, opens: int) -> list[list[int]]:
    """Return the closed spans of a shop that works from `opens` to `closes`, local hours."""
    origin = milliseconds(start)
    return [
        [origin + (day * 24 + closes) * HOUR_MS, origin + (day * 24 + 24 + opens) * HOUR_MS]
        for day in range(-1, days)
    ]


def _machine_bars(number: int, start: datetime, days: int, random: Random) -> list[list[object]]:
    """Return one machine's work: set-ups, operations, listed idle hours, now and then a service."""
    parts = (
        _("Housing"),
        _("Bracket"),
        _("Flange"),
        _("Plate"),
        _("Shaft"),
        _("Gear"),
        _("Valve body"),
    )
    origin, now = milliseconds(start), milliseconds(NOW)
    hour, bars = random.uniform(-2, 2), []
    order = 4101 + number * 9
    while hour < days * 24:
        if hour > 40 and random.random() < 0.14:
            span = random.uniform(8, 15)
            kind = "maintenance" if random.random() < 0.18 else "idle"
            word = _("Maintenance") if kind == "maintenance" else _("Idle, listed")
            bars.append([number, hour, hour + span, kind, word])
            hour += span
            continue
        if random.random() < 0.55:
            span = random.uniform(0.8, 2.2)
            bars.append([number, hour, hour + span, "setup", _("Set-up")])
            hour += span
        span = random.uniform(7, 20)
        begin = origin + hour * HOUR_MS
        kind = (
            "done" if begin + span * HOUR_MS < now else "production" if begin < now else "confirmed"
        )
        if kind == "confirmed" and random.random() < 0.13:
            kind = "risk"
        bars.append([number, hour, hour + span, kind, f"{order} {random.choice(parts)}"])
        order += 1
        hour += span + (random.uniform(1, 6) if random.random() < 0.35 else 0)
    return [
        [row, round(origin + a * HOUR_MS), round(origin + b * HOUR_MS), kind, label, f"{row}-{at}"]
        for at, (row, a, b, kind, label) in enumerate(bars)
    ]


def tiles() -> list[dict[str, Any]]:
    """Return the machine tiles of the operations page."""
    random = Random(11)
    states = (
        "running",
        "idle",
        "set_up",
        "running",
        "running",
        "running",
        "down",
        "running",
        "offline",
        "running",
    )
    made = []
    for number in range(1, 21):
        level, trace = random.uniform(44, 68), []
        for _step in range(60):
            level += random.uniform(-1, 1)
            trace.append(round(level, 2))
        made.append(
            {
                "name": f"M{number:03}",
                "key": f"machine:{number}",
                "state": states[(number - 1) % len(states)],
                "trace": trace,
                "temperature": f"{trace[-1]:.1f} °C",
                "oee": random.randint(38, 92),
            }
        )
    return made


def alarms() -> list[dict[str, Any]]:
    """Return three alarms, worst first."""
    return [
        {
            "severity": "critical",
            "machine": "M004",
            "at": "14:22",
            "text": _("Spindle temperature 92 °C, limit 85 °C"),
            "action": _("Acknowledge"),
        },
        {
            "severity": "warning",
            "machine": "M011",
            "at": "14:05",
            "text": _("No part count for 18 min"),
            "action": _("Acknowledge"),
        },
        {
            "severity": "offline",
            "machine": "M019",
            "at": "13:47",
            "text": _("Gateway silent since 13:47"),
            "action": _("Details"),
        },
    ]


def shell(current: str) -> dict[str, Any]:
    """Return what base.html asks for: acting membership, others, nav, clock."""
    suzhou = SimpleNamespace(
        name="Suzhou Precision", name_zh="苏州精密", kinds=["supplier"], is_simulated=True
    )
    plates = SimpleNamespace(
        name="North Plates", name_zh="北方牌证", kinds=["buyer"], is_simulated=True
    )
    acting = SimpleNamespace(pk=1, tenant=suzhou)
    return {
        "acting": acting,
        "memberships": [acting, SimpleNamespace(pk=2, tenant=plates)],
        "nav": _nav(current),
        "now": NOW,
        "site_clock": {"now": NOW, "rate": 2880, "simulated": True},
        "unread_count": 2,
    }


def _nav(current: str) -> list[dict[str, Any]]:
    """Return the supplier's navigation with one entry marked."""
    entries = (
        (
            "",
            ("operations", _("Operations"), "gauge", 0),
            ("schedule", _("Schedule"), "calendar-range", 0),
            ("machines", _("Machines"), "cpu", 0),
            ("alarms", _("Alarms"), "siren", 3),
        ),
        (
            _("Marketplace"),
            ("listings", _("Capacity listings"), "store", 0),
            ("requests", _("Requests"), "inbox", 0),
            ("orders", _("Orders"), "clipboard-list", 0),
        ),
        (
            _("Finance"),
            ("settlements", _("Settlements"), "receipt", 0),
            ("credit", _("Credit profile"), "shield-check", 0),
        ),
    )
    links = {"operations": "/styleguide/operations/"}
    return [
        {
            "label": label,
            "items": [
                {
                    "label": text,
                    "url": links.get(key, "/styleguide/"),
                    "icon": icon,
                    "badge": badge or "",
                    "current": key == current,
                }
                for key, text, icon, badge in items
            ],
        }
        for label, *items in entries
    ]
