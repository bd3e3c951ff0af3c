"""The style guide: every component in both languages and themes, on made-up figures."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import styleguide_samples as samples
from tenants.templatetags import formats, ui


class SampleForm(forms.Form):
    """One field of each kind."""

    part = forms.CharField(label=gettext_lazy("Part name"), max_length=40)
    quantity = forms.IntegerField(
        label=gettext_lazy("Quantity"),
        min_value=1,
        help_text=gettext_lazy("Good pieces to deliver; scrap is added for you."),
    )
    due = forms.DateField(
        label=gettext_lazy("Due date"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("The date at your own gate."),
    )
    material = forms.ChoiceField(
        label=gettext_lazy("Material"),
        choices=[("al", gettext_lazy("Aluminium 1.0 mm")), ("st", gettext_lazy("Steel 0.8 mm"))],
    )
    visible = forms.ChoiceField(
        label=gettext_lazy("Who may see it"),
        widget=forms.RadioSelect,
        choices=[
            ("open", gettext_lazy("All suppliers that fit")),
            ("invited", gettext_lazy("Only whom I invite")),
        ],
    )
    note = forms.CharField(label=gettext_lazy("Note"), required=False, widget=forms.Textarea)
    split = forms.BooleanField(
        label=gettext_lazy("May be split over factories"),
        required=False,
        help_text=gettext_lazy("Large orders become much faster."),
    )


def overview(request: HttpRequest) -> HttpResponse:
    """Show every component with its usage line."""
    context = {
        **samples.shell(""),
        "form": SampleForm({"part": "Plate", "quantity": "0", "material": "al"}),
        "fresh_form": SampleForm(),
        "usage": usage_lines(),
        "page_obj": Paginator(range(153), 25).get_page(request.GET.get("page")),
        "plan": samples.plan(machines=6, days=6),
        **_rows(request),
        **_figures(),
    }
    return render(request, "styleguide/overview.html", context)


def operations(request: HttpRequest) -> HttpResponse:
    """Show the supplier's operations page on made-up figures."""
    context = {
        **samples.shell("operations"),
        "plan": samples.plan(),
        "tiles": samples.tiles(),
        "alarms": samples.alarms(),
    }
    return render(request, "styleguide/operations.html", context)


def large(request: HttpRequest) -> HttpResponse:
    """Show the Gantt with as many machines and days as asked, for measuring."""
    machines = min(int(request.GET.get("machines", "153")), 600)
    days = min(int(request.GET.get("days", "14")), 120)
    context = {**samples.shell("schedule"), "plan": samples.plan(machines=machines, days=days)}
    return render(request, "styleguide/large.html", context)


def landing(request: HttpRequest) -> HttpResponse:
    """Show the frame of the public pages."""
    return render(request, "styleguide/landing.html")


def usage_lines() -> list[dict[str, str]]:
    """Return name and docstring of every tag and filter."""
    every = {**ui.register.tags, **ui.register.filters}
    words = {name: getattr(tag, "__wrapped__", tag).__doc__ for name, tag in every.items()}
    return [{"name": name, "text": (words[name] or "").strip()} for name in sorted(words)]


def _rows(request: HttpRequest) -> dict[str, Any]:
    """Return the rows of the sample table, sorted and filtered by the address."""
    random = Random(3)
    codes = ("in_production", "at_risk", "delivered", "planned", "late")
    orders = [
        {
            "number": 4101 + at,
            "part": part,
            "state": codes[at % len(codes)],
            "quantity": random.randint(2, 90) * 1000,
            "due": date(2026, 11, 20) + timedelta(days=random.randint(0, 20)),
            "amount_minor": random.randint(80_000, 9_000_000),
        }
        for at, part in enumerate((_("Housing"), _("Bracket"), _("Flange"), _("Plate"), _("Shaft")))
    ]
    wanted = request.GET.get("state", "")
    key = request.GET.get("sort", "due")
    chosen = [row for row in orders if not wanted or row["state"] == wanted]
    if key.lstrip("-") in orders[0]:
        chosen.sort(key=lambda row: row[key.lstrip("-")], reverse=key.startswith("-"))
    options = [
        ("at_risk", _("At risk"), 1),
        ("in_production", _("In production"), 1),
        ("late", _("Late"), 1),
    ]
    return {"orders": chosen, "state_options": options}


def _figures() -> dict[str, Any]:  # architecture: long, sample figures
    """Return the numbers of the sample charts and lists."""
    random = Random(5)
    return {
        "trace": [round(60 + random.uniform(-6, 6), 1) if at % 17 else None for at in range(80)],
        "causes": [
            {"label": _("Waiting for material"), "value": 12.5},
            {"label": _("Set-up"), "value": 8.2, "tone": "vio"},
            {"label": _("Breakdown"), "value": 5.1, "tone": "bad"},
        ],
        "reasons": [
            {"label": _("Delivers on time"), "value": 34, "tone": "ok"},
            {"label": _("Steady machine use"), "value": 21, "tone": "ok"},
            {"label": _("Few customers"), "value": -18, "tone": "bad"},
        ],
        "months": [
            {"label": formats.month(date(2026, m, 1)), "value": random.randint(20, 90)}
            for m in range(1, 13)
        ],
        "shares": [
            {"label": _("Running"), "value": 15, "tone": "ok"},
            {"label": _("Idle"), "value": 5, "tone": "brand"},
            {"label": _("Set-up"), "value": 3, "tone": "vio"},
            {"label": _("Down"), "value": 1, "tone": "bad"},
        ],
        "heat_rows": [
            {"label": name, "values": [random.randint(0, 120) for _week in range(6)]}
            for name in (_("Press brake"), _("Grinder"), _("Laser cutter"))
        ],
        "heat_columns": [_("Week %(number)s") % {"number": 47 + week} for week in range(6)],
        "segments": [
            {"state": "running", "start": 0, "end": 380},
            {"state": "set_up", "start": 380, "end": 430},
            {"state": "running", "start": 430, "end": 900},
            {"state": "idle", "start": 900, "end": 1080},
            {"state": "down", "start": 1080, "end": 1130},
            {"state": "offline", "start": 1130, "end": 1180},
            {"state": "running", "start": 1180, "end": 1440},
        ],
        "hours": ("00:00", "06:00", "12:00", "18:00", "24:00"),
        "options": [
            {"label": _("Cheapest"), "x": 13.9, "y": 182},
            {"label": _("Balanced"), "x": 12.6, "y": 191, "chosen": True},
            {"label": _("Safest"), "x": 13.1, "y": 203},
            {"label": _("Fastest"), "x": 11.6, "y": 214},
        ],
        "events": [
            {
                "title": _("Order accepted"),
                "by": "North Plates",
                "at": samples.NOW - timedelta(days=3),
                "done": True,
            },
            {
                "title": _("Plan chosen"),
                "text": _("62 factories, 153 machines, 12.6 days"),
                "at": samples.NOW - timedelta(days=2),
                "done": True,
                "tone": "brand",
            },
            {
                "title": _("Production"),
                "text": _("Machines count 38,950 of 75,000"),
                "at": samples.NOW,
            },
            {"title": _("Inspection")},
        ],
        "week_machines": [
            {
                "id": "m1",
                "name": "M001",
                "shifts": [{"day": str(day), "start": "08:00", "end": "20:00"} for day in range(5)],
            },
            {
                "id": "m2",
                "name": "M002",
                "shifts": [{"day": str(day), "start": "06:00", "end": "22:00"} for day in range(6)],
            },
        ],
        "week_days": [{"key": str(at), "label": formats.weekday_name(at)} for at in range(7)],
        "week_value": '[{"machine": "m1", "day": "0", "start": "20:00", "end": "24:00"}]',
        "sample_now": samples.NOW,
        "deadline": samples.NOW + timedelta(hours=5),
        "steps": [
            {"label": _("Part"), "url": "#"},
            _("Quantity and dates"),
            _("Terms"),
            _("Check"),
        ],
        "tab_items": [
            {"label": _("Overview"), "url": "#", "current": True},
            {"label": _("Lots"), "url": "#lots", "count": 15},
            {"label": _("Messages"), "url": "#messages", "count": 2},
        ],
    }
