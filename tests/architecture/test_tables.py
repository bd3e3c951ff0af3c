"""Every table is exactly one of: global, own, bilateral, or the directory's own form."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

pytestmark = pytest.mark.django_db

GLOBAL = {
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "django_session",
    "marketplace_capabilityattribute",
    "marketplace_process",
    "tenants_person",
}
"""Catalogues, people, Django's own: no policy."""
DIRECTORY = {"tenants_organisation", "finance_loanproduct"}
"""Read by all, written by its own organisation."""

POLICIES = """
select c.relname, c.relrowsecurity, c.relforcerowsecurity,
       coalesce(array_agg(p.polname::text order by p.polname)
                filter (where 'app_user'::regrole = any(p.polroles)), '{}')
from pg_class c left join pg_policy p on p.polrelid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
group by 1, 2, 3
"""


def tables() -> dict[str, tuple[bool, bool, list[str]]]:
    with connection.cursor() as cursor:
        cursor.execute(POLICIES)
        return {
            name: (enabled, forced, found) for name, enabled, forced, found in cursor.fetchall()
        }


def test_global_tables_are_listed_by_name() -> None:
    without = {name for name, (enabled, _forced, _found) in tables().items() if not enabled}
    assert without == GLOBAL


def test_policies_bind_the_owner_too() -> None:
    assert not [name for name, (enabled, forced, _f) in tables().items() if enabled and not forced]


def test_every_other_table_has_one_of_the_fixed_forms() -> None:
    own = ["own"]
    bilateral = ["party_insert", "party_select", "party_update"]
    odd = {
        name: found
        for name, (enabled, _forced, found) in tables().items()
        if enabled
        and name not in DIRECTORY
        and found not in (own, bilateral)
        and name != "tenants_membership"
    }
    assert odd == {}


def test_every_own_table_has_an_index_that_its_organisation_leads() -> None:
    """Rows of one organisation are found without reading those of others."""
    missing = []
    for model in apps.get_models():
        table = model._meta.db_table
        if "tenant" not in {f.name for f in model._meta.fields} or table in GLOBAL:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                "select count(*) from pg_index i join pg_attribute a on a.attrelid = i.indrelid "
                "and a.attnum = i.indkey[0] where i.indrelid = %s::regclass "
                "and a.attname in ('tenant_id', 'device_id')",
                [table],
            )
            if cursor.fetchone()[0] == 0:
                missing.append(table)
    assert missing == []


def test_the_runtime_role_owns_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select current_user, count(*) from pg_class where relowner = current_user::regrole"
        )
        assert cursor.fetchone() == ("app_user", 0)


def test_no_function_looks_into_a_sessions_own_tables_first() -> None:
    """Without `pg_temp` at the end of its path, a temporary table would stand in for ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select p.proname from pg_proc p where p.pronamespace = 'public'::regnamespace "
            "and not coalesce(p.proconfig, '{}') "
            "&& array['search_path=pg_catalog, public, pg_temp']"
        )
        assert [name for (name,) in cursor.fetchall()] == []
