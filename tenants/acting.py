"""Who a transaction acts for: bound once, for the database's row-level policies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

PLATFORM_ID = 1
"""The platform's own organisation, made by the first migration."""


class AlreadyActing(RuntimeError):
    """A transaction is bound to one organisation and is never switched: a mistake of ours."""


@contextmanager
def acting_as(tenant_id: int, *, person_id: int = 0, using: str = "default") -> Iterator[None]:
    """Open a transaction in which the database shows the rows of one organisation.

    Raises:
        AlreadyActing: called inside another `acting_as` on the same connection.
    """
    connection: Any = connections[using]
    if getattr(connection, "acting_for", None) is not None:
        raise AlreadyActing(f"already acting for {connection.acting_for}, not {tenant_id}")
    with transaction.atomic(using=using):
        connection.acting_for = tenant_id
        try:
            _set(connection, tenant_id, person_id)
            yield
            # A test holds an outer transaction, where SET LOCAL would outlive this block.
            if not connection.needs_rollback:
                _set(connection, 0, 0)
        finally:
            connection.acting_for = None


@contextmanager
def acting_for_person(person_id: int, *, using: str = "default") -> Iterator[None]:
    """Open a transaction that shows a person's own memberships and no organisation's rows."""
    with acting_as(0, person_id=person_id, using=using):
        yield


def bind_tenant(tenant_id: int, *, using: str = "default") -> None:
    """Bind the open, still unbound transaction to an organisation; once.

    Raises:
        AlreadyActing: the transaction has its organisation already.
    """
    connection: Any = connections[using]
    if getattr(connection, "acting_for", None) != 0:
        raise AlreadyActing(f"cannot bind to {tenant_id}: acting for {connection.acting_for}")
    connection.acting_for = tenant_id
    with connection.cursor() as cursor:
        cursor.execute("select set_config('app.tenant_id', %s, true)", [str(tenant_id)])


def _set(connection: object, tenant_id: int, person_id: int) -> None:
    with connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(
            "select set_config('app.tenant_id', %s, true), set_config('app.person_id', %s, true)",
            [str(tenant_id), str(person_id)],
        )
