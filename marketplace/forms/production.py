"""Forms of the shop floor and of the buyer's inspection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.models import Operation, ShipmentLine
from marketplace.services.inspection import Verdict


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label=_("Why do you decline?"),
        max_length=300,
        help_text=_("The buyer reads it. It helps to plan again."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ReportForm(forms.Form):
    """Running totals of one operation; they cannot be more than came in."""

    good = forms.IntegerField(label=_("Good"), min_value=0)
    scrap = forms.IntegerField(label=_("Scrap"), min_value=0)

    def __init__(self, *args: Any, operation: Operation, **kwargs: Any) -> None:
        initial = {"good": operation.good or operation.received, "scrap": operation.scrap}
        super().__init__(*args, prefix=f"lot-{operation.lot}", initial=initial, **kwargs)
        self.operation = operation
        for name in self.fields:
            self.fields[name].widget.attrs |= {
                "inputmode": "numeric",
                "aria-label": self.fields[name].label,
            }

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        total = (given.get("good") or 0) + (given.get("scrap") or 0)
        if total > (self.operation.received or 0):
            self.add_error(
                "good",
                _("Lot %(lot)s came with %(received)s pieces; good and scrap are %(total)s.")
                % {
                    "lot": self.operation.lot,
                    "received": self.operation.received or 0,
                    "total": total,
                },
            )
        return given


class CorrectionForm(forms.Form):
    """The right numbers of a finished lot: together they stay what came in."""

    good = forms.IntegerField(label=_("Good"), min_value=0)
    scrap = forms.IntegerField(label=_("Scrap"), min_value=0)
    reason = forms.CharField(
        label=_("What was wrong?"),
        max_length=300,
        help_text=_("It stands beside the first report for good. The buyer can read it."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, operation: Operation, **kwargs: Any) -> None:
        initial = {"good": operation.good, "scrap": operation.scrap}
        super().__init__(*args, initial=initial, **kwargs)
        self.operation = operation
        for name in ("good", "scrap"):
            self.fields[name].widget.attrs["inputmode"] = "numeric"

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        good, scrap = given.get("good"), given.get("scrap")
        if good is not None and scrap is not None and good + scrap != self.operation.received:
            self.add_error(
                "scrap",
                _("Lot %(lot)s came with %(received)s pieces; good and scrap are %(total)s.")
                % {
                    "lot": self.operation.lot,
                    "received": self.operation.received,
                    "total": good + scrap,
                },
            )
        return given


class InspectionForm(forms.Form):
    """One accepted quantity and one reason for each lot of a shipment."""

    def __init__(self, *args: Any, lots: Sequence[ShipmentLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lots = lots
        for line in lots:
            self.fields[f"accepted-{line.lot}"] = forms.IntegerField(
                label=_("Accepted of lot %(lot)s") % {"lot": line.lot},
                min_value=0,
                max_value=line.quantity,
                initial=line.quantity,
                widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
            )
            self.fields[f"reason-{line.lot}"] = forms.CharField(
                label=_("Why are pieces of lot %(lot)s rejected?") % {"lot": line.lot},
                max_length=300,
                required=False,
            )
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = field.label

    @property
    def rows(self) -> list[tuple[ShipmentLine, forms.BoundField, forms.BoundField]]:
        return [
            (line, self[f"accepted-{line.lot}"], self[f"reason-{line.lot}"]) for line in self.lots
        ]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for line in self.lots:
            accepted = given.get(f"accepted-{line.lot}", line.quantity)
            reason = given.get(f"reason-{line.lot}", "").strip()
            if accepted < line.quantity and not reason:
                self.add_error(f"reason-{line.lot}", _("Say why pieces are rejected."))
        return given

    def verdicts(self) -> list[Verdict]:
        return [
            Verdict(
                operation_uid=line.operation_uid,
                accepted=self.cleaned_data[f"accepted-{line.lot}"],
                reason=self.cleaned_data[f"reason-{line.lot}"],
            )
            for line in self.lots
        ]
