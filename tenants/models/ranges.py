"""Ranges in constraints."""

from __future__ import annotations

from django.contrib.postgres.fields import BigIntegerRangeField
from django.db.models import Func


class IdRange(Func):
    """`int8range(id, id, '[]')`: equal ids in an exclusion constraint, without an extension."""

    function = "int8range"
    output_field = BigIntegerRangeField()
