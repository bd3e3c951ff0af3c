"""Rows that two organisations share."""

from __future__ import annotations

from typing import Self

from django.db import models

from tenants.ids import uuid7


class DealQuerySet(models.QuerySet):
    """Rows of a buyer and a supplier; callers always name the party they act for."""

    def of_buyer(self, organisation_id: int) -> Self:
        return self.filter(buyer_id=organisation_id)

    def of_supplier(self, organisation_id: int) -> Self:
        return self.filter(supplier_id=organisation_id)


class DealModel(models.Model):
    """A row between a buyer and a supplier about one order, which is named and not referenced:
    the supplier never sees the order itself."""

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    buyer = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    supplier = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    order_uid = models.UUIDField()
    order_number = models.CharField(max_length=20)

    objects = DealQuerySet.as_manager()

    class Meta:
        abstract = True
