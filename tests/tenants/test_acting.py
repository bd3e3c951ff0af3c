"""The database shows an organisation its own rows, and a transaction is never switched."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from tenants.acting import AlreadyActing, acting_as, bind_tenant
from tenants.actors import Actor
from tenants.models import AuditEntry, Membership, Organisation
from tenants.services.audit import record_act
from tests.factories import make_member, make_organisation, rows_seen_by

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_an_organisation_sees_its_own_rows_only() -> None:
    ours, theirs = make_member(), make_member()
    with acting_as(ours.tenant_id):
        seen = set(Membership.objects.values_list("tenant_id", flat=True))
    assert seen == {ours.tenant_id}
    assert theirs.tenant_id not in seen


def test_without_an_organisation_nothing_is_seen() -> None:
    make_member()
    assert rows_seen_by(0, "tenants_membership") == 0


def test_a_row_for_another_organisation_is_refused() -> None:
    ours, theirs = make_member(), make_organisation()
    with acting_as(ours.tenant_id), pytest.raises(DatabaseError), transaction.atomic():
        Membership.objects.create(tenant=theirs, person=ours.person, role="owner")


def test_a_transaction_is_never_switched() -> None:
    ours, theirs = make_organisation(), make_organisation()
    with acting_as(ours.pk):
        with pytest.raises(AlreadyActing), acting_as(theirs.pk):
            pass
        with pytest.raises(AlreadyActing):
            bind_tenant(theirs.pk)


def test_after_an_error_nobody_acts() -> None:
    ours = make_organisation()
    with pytest.raises(ZeroDivisionError), acting_as(ours.pk):
        1 / 0  # noqa: B018
    with acting_as(0), connection.cursor() as cursor:
        cursor.execute("select current_setting('app.tenant_id')")
        assert cursor.fetchone() == ("0",)


@pytest.mark.parametrize(
    "change", ["update tenants_auditentry set actor = 'x'", "delete from tenants_auditentry"]
)
def test_the_audit_trail_is_append_only(change: str) -> None:
    ours = make_organisation()
    with acting_as(ours.pk):
        record_act(by=Actor.system(ours.pk), now=NOW, action="a", subject="s", subject_uid=None)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
        assert AuditEntry.objects.of(ours.pk).count() == 1


def test_nobody_verifies_himself() -> None:
    ours = make_organisation()
    with acting_as(ours.pk), pytest.raises(DatabaseError), transaction.atomic():
        Organisation.objects.filter(pk=ours.pk).update(verification="verified")


def test_nobody_becomes_the_operator() -> None:
    ours = make_organisation()
    with acting_as(ours.pk), pytest.raises(DatabaseError), transaction.atomic():
        Organisation.objects.filter(pk=ours.pk).update(kinds=["supplier", "operator"])


def test_nobody_changes_another_entry_of_the_directory() -> None:
    ours, theirs = make_organisation(), make_organisation()
    with acting_as(ours.pk):
        assert Organisation.objects.filter(pk=theirs.pk).update(name="taken over") == 0


@pytest.mark.parametrize(
    "escape",
    [
        "set role app_owner",
        "alter table tenants_membership disable row level security",
        "set session authorization app_owner",
    ],
)
def test_the_runtime_role_cannot_escape(escape: str) -> None:
    with (
        acting_as(0),
        pytest.raises(DatabaseError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(escape)
