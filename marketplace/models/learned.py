"""What a firm's machines have shown, process by process, as far as it has been worked out."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from marketplace.core.learned import Shown
from marketplace.core.slower import Slow
from tenants.models.base import TenantModel


class LearnedRate(TenantModel):
    """What the runs of one machine show for one process; the fields of `core.learned.Shown`.

    It is worked out anew from roll-ups each time; `is_used`, its owner's decision whether plans
    reckon with the learned means, and what is said of a machine that is slower than its lots were
    planned with (`core.slower.Slow`), are all that is kept.
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
    slow_rate = models.FloatField(null=True)
    slow_planned_rate = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "machine", "process"], name="learned_rate_once"
            ),
            models.CheckConstraint(
                name="learned_rate_slow_is_slower",
                condition=Q(slow_rate=None, slow_planned_rate=None)
                | Q(
                    slow_rate__isnull=False,
                    slow_planned_rate__isnull=False,
                    slow_rate__gt=0,
                    slow_rate__lt=F("slow_planned_rate"),
                ),
            ),
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

    @property
    def slow(self) -> Slow | None:
        if self.slow_rate is None or self.slow_planned_rate is None:
            return None
        return Slow(rate=self.slow_rate, planned_rate=self.slow_planned_rate)

    @slow.setter
    def slow(self, said: Slow | None) -> None:
        self.slow_rate = None if said is None else said.rate
        self.slow_planned_rate = None if said is None else said.planned_rate
