"""What every table of an organisation shares."""

from __future__ import annotations

from typing import Self

from django.db import models

from tenants.ids import uuid7


class TenantQuerySet(models.QuerySet):
    """Rows of one organisation: the predicate for the index, the policy as the net."""

    def of(self, tenant_id: int) -> Self:
        return self.filter(tenant_id=tenant_id)


class TenantModel(models.Model):
    """A row that belongs to one organisation; `uid` is the only id that is ever shown."""

    tenant = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    uid = models.UUIDField(default=uuid7, editable=False, unique=True)

    objects = TenantQuerySet.as_manager()

    class Meta:
        abstract = True
