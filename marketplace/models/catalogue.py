"""What can be made: the catalogue of processes, and what each machine of a firm can do."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language

from tenants.models.base import TenantModel


class Process(models.Model):
    """A manufacturing process of the catalogue, for everybody to read."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.name_zh if (get_language() or "").startswith("zh") else self.name


class CapabilityAttribute(models.Model):
    """Something that a machine must be able to hold for a process: size, tolerance, material.

    A machine fits an order's step when its number covers the asked one, or when the asked word is
    among the machine's words. `choices` lists the words as `{"code", "name", "name_zh"}`, so that
    buyer and supplier mean the same in either language.
    """

    process = models.ForeignKey("marketplace.Process", models.CASCADE, related_name="attributes")
    code = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80)
    unit = models.CharField(max_length=12, blank=True)
    is_choice = models.BooleanField(default=False)
    choices = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["process", "code"], name="attribute_code_once")
        ]

    def __str__(self) -> str:
        return self.name_zh if (get_language() or "").startswith("zh") else self.name


class Capability(TenantModel):
    """What one machine can do: pieces an hour and set-up for a process, with its attributes.

    `attributes` maps an attribute's code to a number (the most it can hold) or a list of the
    codes of its choices.
    """

    machine = models.ForeignKey(
        "devices.Machine", models.CASCADE, related_name="capabilities", db_index=False
    )
    process = models.ForeignKey("marketplace.Process", models.PROTECT, related_name="+")
    pieces_per_hour = models.PositiveIntegerField()
    set_up_minutes = models.PositiveIntegerField(default=0)
    attributes = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "machine", "process"], name="capability_once"
            ),
            models.CheckConstraint(name="capability_rate", condition=Q(pieces_per_hour__gt=0)),
        ]
