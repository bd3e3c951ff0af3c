"""Row-level security in the project's fixed forms, as migration operations.

Every table is exactly one of: global, own, bilateral, disclosed. Migrations run as the owner,
the site as `app_user`, which owns nothing; FORCE binds the owner too. `tests/architecture`
holds the list of global tables and checks the form of every other.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import migrations

TENANT = "(select current_setting('app.tenant_id', true)::bigint)"
PERSON = "(select current_setting('app.person_id', true)::bigint)"


def _enable(table: str) -> list[str]:
    return [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
    ]


def _grant(table: str, commands: str, role: str = "app_user") -> list[str]:
    return [f"grant {commands} on {table} to {role}"]


class _Sql(migrations.RunSQL):
    """SQL statements without a reverse: the schema only moves forward."""

    def __init__(self, statements: list[str]) -> None:
        super().__init__(sql=[(statement, None) for statement in statements])


class GlobalTable(_Sql):
    """A table that every organisation may read (people, catalogues, Django's own)."""

    def __init__(self, table: str, commands: str = "select") -> None:
        super().__init__(_grant(table, commands))


class OwnTable(_Sql):
    """Rows of one organisation, by `tenant_id`."""

    def __init__(self, table: str, commands: str = "select, insert, update, delete") -> None:
        rule = f"tenant_id = {TENANT}"
        super().__init__(
            [
                *_enable(table),
                f"create policy own on {table} to app_user using ({rule}) with check ({rule})",
                *_grant(table, commands),
            ]
        )


class BilateralTable(_Sql):
    """Rows of exactly two organisations.

    Both may read. `inserted_by` and `updated_by` name the party columns whose organisation may
    write; a row can never be written so that neither party is the writer.
    """

    def __init__(
        self,
        table: str,
        first: str,
        second: str,
        *,
        inserted_by: Sequence[str] | None = None,
        updated_by: Sequence[str] | None = None,
    ) -> None:
        parties = (first, second)
        read = f"{TENANT} in ({first}, {second})"
        insert = f"{TENANT} in ({', '.join(inserted_by or parties)})"
        update = f"{TENANT} in ({', '.join(updated_by or parties)})"
        super().__init__(
            [
                *_enable(table),
                f"create policy party_select on {table} for select to app_user using ({read})",
                f"create policy party_insert on {table} for insert to app_user "
                f"with check ({insert})",
                f"create policy party_update on {table} for update to app_user "
                f"using ({update}) with check ({update})",
                *_grant(table, "select, insert, update"),
            ]
        )


class WorkerAccess(_Sql):
    """Let one worker login role, which serves all organisations, use one table."""

    def __init__(self, table: str, role: str, commands: str) -> None:
        policies = []
        for command in (c.strip() for c in commands.split(",")):
            clause = {
                "select": "using (true)",
                "insert": "with check (true)",
                "update": "using (true) with check (true)",
                "delete": "using (true)",
            }[command]
            policies.append(
                f"create policy {role}_{command} on {table} for {command} to {role} {clause}"
            )
        super().__init__([*policies, *_grant(table, commands, role)])


class AppendOnly(_Sql):
    """Refuse UPDATE, DELETE and TRUNCATE on a table, whoever asks (SQLSTATE 42501)."""

    def __init__(self, table: str) -> None:
        super().__init__(
            [
                f"revoke update, delete on {table} from app_user",
                f"create trigger append_only before update or delete on {table} "
                "for each row execute function refuse_change()",
                f"create trigger no_truncate before truncate on {table} "
                "for each statement execute function refuse_change()",
            ]
        )


class TenantForeignKey(_Sql):
    """Hold a reference inside its organisation: `(tenant_id, column)` → `(tenant_id, id)`."""

    def __init__(self, table: str, column: str, target: str) -> None:
        unique = f"{target}_tenant_id_id"
        super().__init__(
            [
                f"do $$ begin alter table {target} add constraint {unique} unique (tenant_id, id); "
                "exception when duplicate_table then null; end $$",
                f"alter table {table} add constraint {table}_{column}_same_tenant "
                f"foreign key (tenant_id, {column}) references {target} (tenant_id, id) "
                "deferrable initially deferred",
            ]
        )
