"""Credit reports of a supplier: snapshots that only a consent opens to a reader."""

from __future__ import annotations

from django.db import models

from tenants.models.base import TenantModel


class CreditReport(TenantModel):
    """A behaviour grade with its reasons, as of an instant; never changed.

    Until outcomes exist there is no probability of default, and none is given. `document` has one
    part per consent scope (`behaviour`, `machines`, `orders`), each with its sources; readers get
    the parts that their consent names, by `disclose_report` and in no other way.
    """

    as_of = models.DateTimeField()
    grade = models.CharField(max_length=2)
    points = models.IntegerField()
    coverage = models.FloatField()
    features = models.JSONField()
    document = models.JSONField()
    card_version = models.CharField(max_length=20)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-as_of"])]
