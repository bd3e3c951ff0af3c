"""What a firm's machines have shown, process by process, as far as it has been worked out."""

from __future__ import annotations

from django.db import models

from marketplace.core.learned import Shown
from tenants.models.base import TenantModel


class LearnedRate(TenantModel):
    """What the runs of one machine show for one process; the fields of `core.learned.Shown`.

    It is worked out anew from roll-ups each time; `is_used`, its owner's decision whether plans
    reckon with the learned means, is all that is kept.
    """

    machine = models.ForeignKey("devices.Machine", models.CASCADE, related_name="+", db_index=False)
    process = models.ForeignKey("marketplace.Process", models.PROTECT, related_name="+")
    runs = models.PositiveIntegerField(default=0)
    rate_usual = models.FloatField(null=True)
    rate_low = models.FloatField(null=True)
    set_ups = models.PositiveIntegerField(default=0)
    set_up_usual = models.FloatField(null=True)
    set_up_high = models.FloatField(null=True)
    is_used = models.BooleanField(default=True)
    learned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "machine", "process"], name="learned_rate_once"
            )
        ]

    @property
    def shown(self) -> Shown:
        return Shown(
            runs=self.runs,
            rate_usual=self.rate_usual,
            rate_low=self.rate_low,
            set_ups=self.set_ups,
            set_up_usual=self.set_up_usual,
            set_up_high=self.set_up_high,
        )
