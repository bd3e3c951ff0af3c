"""Forms of machines and what they can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from devices.models import Machine
from devices.selectors import known_machine_types, sites
from marketplace.models import Capability, CapabilityAttribute, Process
from marketplace.selectors.catalogue import processes
from marketplace.services.machines import (
    LONGEST_SET_UP_MINUTES,
    MOST_PIECES_PER_HOUR,
    Ability,
    Held,
)

COMMON_TYPES = (
    *("Press", "CNC mill", "CNC lathe", "Laser cutter", "Press brake", "Injection moulder"),
    *("SMT line", "Welding cell", "Grinder", "Spray booth", "Panel saw", "Sewing machine"),
)


class MachineForm(forms.ModelForm):
    class Meta:
        model = Machine
        fields = ["code", "name", "machine_type", "site"]
        help_texts = {
            "code": _("What your shop calls it; it stands on plans, labels and CSV files."),
            "machine_type": _("In your own words."),
        }

    def __init__(self, *args: Any, tenant_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["site"].queryset = sites(tenant_id)  # type: ignore[attr-defined]
        self.fields["site"].empty_label = None  # type: ignore[attr-defined]
        self.fields["machine_type"].widget.attrs["list"] = "machine-types"
        self.known_types = sorted({*COMMON_TYPES, *known_machine_types(tenant_id)})


class AbilityForm(forms.Form):
    """One process of a machine; its attribute fields follow the chosen process."""

    process = forms.ModelChoiceField(
        label=_("Process"), queryset=Process.objects.none(), required=False, to_field_name="code"
    )
    pieces_per_hour = forms.IntegerField(
        label=_("Pieces per hour"), required=False, min_value=1, max_value=MOST_PIECES_PER_HOUR
    )
    set_up_minutes = forms.IntegerField(
        label=_("Set-up"), required=False, min_value=0, max_value=LONGEST_SET_UP_MINUTES
    )

    def __init__(self, *args: Any, catalogue: Mapping[str, Process], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["process"]
        field.queryset = Process.objects.order_by("position")  # type: ignore[attr-defined]
        field.choices = [("", _("Choose a process")), *((c, str(p)) for c, p in catalogue.items())]  # type: ignore[attr-defined]
        self.catalogue = catalogue
        self.process_shown = catalogue.get(str(self["process"].value() or ""))
        attributes = self.process_shown.attributes.all() if self.process_shown else []
        for attribute in attributes:
            self.fields[f"attribute-{attribute.code}"] = _attribute_field(attribute)

    @property
    def attribute_fields(self) -> list[tuple[forms.BoundField, str]]:
        """Return the fields of the process's attributes, each with its unit."""
        found = self.process_shown.attributes.all() if self.process_shown else []
        return [(self[f"attribute-{attribute.code}"], attribute.unit) for attribute in found]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("process") and not cleaned.get("pieces_per_hour"):
            if "pieces_per_hour" not in self.errors:
                self.add_error("pieces_per_hour", _("Enter how many pieces it makes in an hour."))
        elif cleaned.get("pieces_per_hour") and not cleaned.get("process"):
            self.add_error("process", _("Choose the process, or clear its pieces per hour."))
        return cleaned

    @property
    def ability(self) -> Ability | None:
        """Return what a valid form says, or None for an empty one."""
        if not self.cleaned_data.get("process") or self.process_shown is None:
            return None
        return Ability(
            process=self.process_shown,
            pieces_per_hour=self.cleaned_data["pieces_per_hour"],
            set_up_minutes=self.cleaned_data["set_up_minutes"] or 0,
            attributes={
                attribute.code: held
                for attribute in self.process_shown.attributes.all()
                if (held := _held(self.cleaned_data.get(f"attribute-{attribute.code}")))
            },
        )


def _attribute_field(attribute: CapabilityAttribute) -> forms.Field:
    if not attribute.is_choice:
        return forms.FloatField(label=str(attribute), required=False, min_value=0)
    name = "name_zh" if (get_language() or "").startswith("zh") else "name"
    return forms.MultipleChoiceField(
        label=str(attribute),
        required=False,
        choices=[(choice["code"], choice[name]) for choice in attribute.choices],
        widget=forms.CheckboxSelectMultiple,
    )


def _held(value: Any) -> Held:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


AbilityFormSet = formset_factory(AbilityForm, extra=1, max_num=40)


def catalogue_by_code() -> dict[str, Process]:
    return {process.code: process for process in processes()}


def ability_rows(capabilities: Sequence[Capability]) -> list[dict[str, Any]]:
    """Return capabilities as the rows of the form."""
    return [
        {
            "process": one.process.code,
            "pieces_per_hour": one.pieces_per_hour,
            "set_up_minutes": one.set_up_minutes,
            **{f"attribute-{code}": held for code, held in one.attributes.items()},
        }
        for one in capabilities
    ]


def abilities(formset: BaseFormSet) -> list[Ability]:
    """Return what the rows of a valid form say; empty rows say nothing."""
    return [ability for form in formset if (ability := form.ability) is not None]
