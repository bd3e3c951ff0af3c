"""Refuse to start as a role that could walk past row-level security."""

from __future__ import annotations

from typing import Any

from django.core.checks import Error, Tags, register
from django.db import connections

QUERY = """
select r.rolsuper or r.rolbypassrls or exists (
    select from pg_class c where c.relowner = r.oid and c.relnamespace = 'public'::regnamespace
)
from pg_roles r where r.rolname = current_user
"""


@register(Tags.database)
def runtime_role_is_bound(databases: list[str] | None, **kwargs: Any) -> list[Error]:
    """Report every alias but the owner's whose role owns tables or may bypass policies."""
    errors = []
    for alias in databases or []:
        if alias == "owner":
            continue
        with connections[alias].cursor() as cursor:
            cursor.execute(QUERY)
            row = cursor.fetchone()
        if row is None or row[0]:
            errors.append(
                Error(
                    f"The role of database alias {alias} owns tables or may bypass row security.",
                    hint="Connect as app_user (see README, roles).",
                    id="config.E001",
                )
            )
    return errors
