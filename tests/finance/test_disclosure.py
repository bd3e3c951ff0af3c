"""A lender reads what a live consent opens and nothing else, and the owner sees every look."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.models import AccessEvent, Consent, PendingEntry
from evidence.services.consents import (
    ConsentOpen,
    ConsentSpanRefused,
    ask_for_consent,
    decline_consent,
    grant_consent,
    revoke_consent,
)
from evidence.services.disclosure import Disclosure, disclose_report
from evidence.services.transitions import StateConflict
from finance.models import CreditReport
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.models import Membership, Organisation
from tests.factories import make_member, rows_seen_by

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
"""Real: the database's own clock has a say in when a consent is over."""
SCOPES = ["behaviour", "machines", "orders"]


@pytest.fixture
def owner() -> Membership:
    return make_member(kinds=["supplier"])


@pytest.fixture
def lender() -> Membership:
    return make_member(kinds=["lender"])


def report(owner: Membership, as_of: datetime = NOW, mark: str = "one") -> CreditReport:
    with acting_as(owner.tenant_id):
        return CreditReport.objects.create(
            tenant=owner.tenant,
            as_of=as_of,
            grade="B",
            points=72,
            coverage=0.97,
            features={},
            document={"about": {"mark": mark}, **{scope: {"secret": scope} for scope in SCOPES}},
            card_version="2026-1",
        )


def grant(
    owner: Membership,
    lender: Membership,
    *,
    scope: list[str] = SCOPES,
    now: datetime = NOW,
    lasts: timedelta = timedelta(days=30),
) -> Consent:
    with acting_as(owner.tenant_id):
        return grant_consent(
            grantee_id=lender.tenant_id,
            scope=scope,
            valid_until=now + lasts,
            notice="You let the lender read your report.",
            notice_language="en",
            by=Actor.of_member(owner),
            now=now,
        )


def look(
    reader: Membership, consent_uid: UUID, *, now: datetime = NOW, purpose: str = "lending"
) -> Disclosure:
    with acting_as(reader.tenant_id):
        return disclose_report(consent_uid=consent_uid, purpose=purpose, now=now)


def revoke(owner: Membership, consent: Consent) -> None:
    with acting_as(owner.tenant_id):
        revoke_consent(consent=consent, by=Actor.of_member(owner), now=NOW)


def looks(owner: Membership) -> list[str]:
    with acting_as(owner.tenant_id):
        events = AccessEvent.objects.of(owner.tenant_id).order_by("id")
        return list(events.values_list("outcome", flat=True))


def test_a_consent_opens_the_newest_report(owner: Membership, lender: Membership) -> None:
    report(owner, NOW - timedelta(days=2), "old")
    newest = report(owner, NOW, "new")
    report(owner, NOW - timedelta(days=5), "oldest")
    seen = look(lender, grant(owner, lender).uid)
    assert seen.is_open
    assert (seen.report_uid, seen.document["about"]) == (newest.uid, {"mark": "new"})


@pytest.mark.parametrize("scope", [["behaviour"], ["machines", "orders"], SCOPES])
def test_only_the_parts_in_scope_are_disclosed(
    owner: Membership, lender: Membership, scope: list[str]
) -> None:
    report(owner)
    seen = look(lender, grant(owner, lender, scope=scope).uid)
    assert set(seen.document) == {"about", *scope}


def test_every_look_is_written_for_the_owner(owner: Membership, lender: Membership) -> None:
    made = report(owner)
    consent = grant(owner, lender)
    look(lender, consent.uid)
    revoke(owner, consent)
    assert look(lender, consent.uid).outcome == "revoked"
    assert look(lender, consent.uid, purpose="marketing").outcome == "other_purpose"
    assert looks(owner) == ["disclosed", "revoked", "other_purpose"]
    with acting_as(owner.tenant_id):
        entry = PendingEntry.objects.get(kind="report.disclosed")
        event = AccessEvent.objects.get(outcome="disclosed")
        assert PendingEntry.objects.filter(kind="report.refused").count() == 2
        assert Consent.objects.get(pk=consent.pk).reads_left == 99
    assert entry.subject_uid == event.subject_uid == made.uid
    assert entry.payload["consent"] == str(consent.uid)
    assert event.reader_id == lender.tenant_id
    assert rows_seen_by(lender.tenant_id, "evidence_accessevent") == 0


def test_a_stranger_learns_nothing_and_the_owner_learns_of_it(
    owner: Membership, lender: Membership
) -> None:
    report(owner)
    consent = grant(owner, lender)
    stranger = make_member(kinds=["lender"])
    unknown = look(stranger, uuid4())
    foreign = look(stranger, consent.uid)
    assert (foreign.outcome, foreign.document) == (unknown.outcome, unknown.document)
    assert foreign.report_uid is None
    assert looks(owner) == ["not_the_reader"]


def test_without_an_organisation_nothing_is_disclosed(
    owner: Membership, lender: Membership
) -> None:
    consent = grant(owner, lender)
    with acting_as(0):
        assert disclose_report(consent_uid=consent.uid, purpose="lending", now=NOW).outcome == (
            "unknown"
        )


def test_a_consent_ends_at_its_instant(owner: Membership, lender: Membership) -> None:
    report(owner)
    consent = grant(owner, lender)
    end = consent.valid_until
    assert look(lender, consent.uid, now=end - timedelta(milliseconds=1)).is_open
    assert look(lender, consent.uid, now=end).outcome == "expired"
    assert look(lender, consent.uid, now=NOW - timedelta(seconds=1)).outcome == "not_yet"


def test_a_clock_that_is_told_wrong_does_not_keep_a_consent_alive(
    owner: Membership, lender: Membership
) -> None:
    """The database counts the granted span by its own clock, from when it saw the grant."""
    report(owner)
    consent = grant(owner, lender, lasts=timedelta(microseconds=1))
    assert look(lender, consent.uid, now=NOW).outcome == "expired"


def test_a_site_clock_that_lags_lets_a_new_consent_work(
    owner: Membership, lender: Membership
) -> None:
    past = NOW - timedelta(days=16)
    report(owner, past)
    consent = grant(owner, lender, now=past, lasts=timedelta(days=1))
    assert look(lender, consent.uid, now=past + timedelta(hours=1)).is_open
    assert look(lender, consent.uid, now=past + timedelta(days=1)).outcome == "expired"


def test_reads_are_counted_down_to_nothing(owner: Membership, lender: Membership) -> None:
    report(owner)
    consent = grant(owner, lender)
    with acting_as(owner.tenant_id):
        Consent.objects.filter(pk=consent.pk).update(reads_left=1)
    assert look(lender, consent.uid).is_open
    assert look(lender, consent.uid).outcome == "no_reads_left"


def test_a_suspended_lender_reads_nothing(owner: Membership, lender: Membership) -> None:
    report(owner)
    consent = grant(owner, lender)
    with acting_as(PLATFORM_ID):
        Organisation.objects.filter(pk=lender.tenant_id).update(verification="suspended")
    assert look(lender, consent.uid).outcome == "reader_suspended"


def test_a_consent_without_a_report_says_so(owner: Membership, lender: Membership) -> None:
    assert look(lender, grant(owner, lender).uid).outcome == "no_report"


def test_a_lender_sees_no_row_of_a_report(owner: Membership, lender: Membership) -> None:
    report(owner)
    grant(owner, lender)
    assert rows_seen_by(lender.tenant_id, "finance_creditreport") == 0
    assert rows_seen_by(PLATFORM_ID, "finance_creditreport") == 0
    assert rows_seen_by(owner.tenant_id, "finance_creditreport") == 1


def test_a_new_consent_replaces_the_one_before(owner: Membership, lender: Membership) -> None:
    report(owner)
    first = grant(owner, lender)
    second = grant(owner, lender, scope=["behaviour"])
    assert look(lender, first.uid).outcome == "revoked"
    assert set(look(lender, second.uid).document) == {"about", "behaviour"}


def test_a_request_opens_nothing_until_the_owner_grants(
    owner: Membership, lender: Membership
) -> None:
    report(owner)
    by = Actor.of_member(lender)
    asked = {
        "owner_id": owner.tenant_id,
        "scope": SCOPES,
        "valid_until": NOW + timedelta(days=9),
        "now": NOW,
    }
    with acting_as(lender.tenant_id):
        request = ask_for_consent(**asked, by=by)
        with pytest.raises(ConsentOpen):
            ask_for_consent(**asked, by=by)
    assert look(lender, request.uid).outcome == "requested"
    assert look(lender, grant(owner, lender).uid).is_open


def test_a_declined_request_stays_closed(owner: Membership, lender: Membership) -> None:
    with acting_as(lender.tenant_id):
        request = ask_for_consent(
            owner_id=owner.tenant_id,
            scope=SCOPES,
            valid_until=NOW + timedelta(days=9),
            by=Actor.of_member(lender),
            now=NOW,
        )
    with acting_as(owner.tenant_id):
        decline_consent(consent=request, by=Actor.of_member(owner), now=NOW)
        with pytest.raises(StateConflict):
            decline_consent(consent=request, by=Actor.of_member(owner), now=NOW)
    assert look(lender, request.uid).outcome == "declined"


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(days=-1), timedelta(days=366)])
def test_a_consent_ends_within_a_year(
    owner: Membership, lender: Membership, lasts: timedelta
) -> None:
    with pytest.raises(ConsentSpanRefused):
        grant(owner, lender, lasts=lasts)


FORGED = {
    "state": "granted",
    "valid_from": NOW,
    "valid_until": NOW + timedelta(days=30),
    "granted_real_at": NOW,
    "created_at": NOW,
    "purpose": "lending",
    "scope": SCOPES,
}


def test_a_lender_cannot_consent_for_the_owner(owner: Membership, lender: Membership) -> None:
    with pytest.raises(DatabaseError) as error, acting_as(lender.tenant_id):
        Consent.objects.create(owner=owner.tenant, grantee=lender.tenant, **FORGED)
    assert error.value.__cause__.sqlstate == "42501"
    with acting_as(lender.tenant_id):
        request = Consent.objects.create(
            owner=owner.tenant, grantee=lender.tenant, **{**FORGED, "state": "requested"}
        )
        assert Consent.objects.filter(pk=request.pk).update(state="granted") == 0


@pytest.mark.parametrize(
    "change",
    [
        {"scope": ["orders"]},
        {"valid_until": NOW + timedelta(days=300)},
        {"notice": "another text"},
        {"reads_left": 1_000},
        {"granted_real_at": NOW + timedelta(days=9)},
        {"purpose": "other"},
        {"state": "requested"},
    ],
)
def test_what_was_consented_to_does_not_change(
    owner: Membership, lender: Membership, change: dict
) -> None:
    consent = grant(owner, lender, scope=["behaviour"])
    with (
        pytest.raises((DatabaseError, IntegrityError)) as error,
        acting_as(owner.tenant_id),
        transaction.atomic(),
    ):
        Consent.objects.filter(pk=consent.pk).update(**change)
    assert error.value.__cause__.sqlstate in ("42501", "23514")


def test_a_revoked_consent_is_never_granted_again(owner: Membership, lender: Membership) -> None:
    consent = grant(owner, lender)
    revoke(owner, consent)
    with pytest.raises(DatabaseError), acting_as(owner.tenant_id):
        Consent.objects.filter(pk=consent.pk).update(state="granted")


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["grant", "revoke", "look", "look", "look", "pass"]),
        st.integers(0, 1),
        st.integers(0, 1),
        st.integers(1, 40),
        st.sampled_from(["lending", "lending", "lending", "other"]),
    ),
    min_size=4,
    max_size=30,
)


@given(ACTS)
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_look_succeeds_without_a_live_consent(owner: Membership, acts: list) -> None:
    """Random days of two owners and two lenders: grants, revocations, time, looks at all."""
    with transaction.atomic():
        owners = [owner, make_member(kinds=["supplier"])]
        lenders = [make_member(kinds=["lender"]) for _each in range(2)]
        for one in owners:
            report(one)
        clock = NOW
        live: dict[tuple[int, int], tuple[Consent, datetime]] = {}
        every: list[tuple[int, int, UUID]] = []
        for act, who, whom, number, purpose in acts:
            if act == "grant":
                consent = grant(owners[who], lenders[whom], now=clock, lasts=timedelta(days=number))
                live[who, whom] = (consent, clock + timedelta(days=number))
                every.append((who, whom, consent.uid))
            elif act == "revoke" and (who, whom) in live:
                revoke(owners[who], live.pop((who, whom))[0])
            elif act == "pass":
                clock += timedelta(days=number)
            elif act == "look":
                for owned_by, given_to, uid in every:
                    known = live.get((owned_by, given_to))
                    may = (
                        known is not None
                        and known[0].uid == uid
                        and clock < known[1]
                        and whom == given_to
                        and purpose == "lending"
                    )
                    seen = look(lenders[whom], uid, now=clock, purpose=purpose)
                    assert seen.is_open is may
                    assert (seen.document is not None) is may
        for number, one in enumerate(owners):
            written = looks(one)
            with acting_as(one.tenant_id):
                leaves = PendingEntry.objects.filter(kind__startswith="report.").count()
            assert len(written) == leaves, number
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_after_a_revocation_has_committed_no_look_succeeds(
    owner: Membership, lender: Membership
) -> None:
    """One connection looks without pause, another revokes: nothing is disclosed afterwards."""
    report(owner)
    consent = grant(owner, lender)
    outcomes: list[tuple[bool, bool]] = []
    revoked, started = threading.Event(), threading.Event()

    def read() -> None:
        try:
            for _look in range(60):
                known = revoked.is_set()
                outcomes.append((known, look(lender, consent.uid).is_open))
                started.set()
        finally:
            connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    started.wait(timeout=10)
    revoke(owner, consent)
    revoked.set()
    reader.join()
    assert (True, True) not in outcomes
    assert outcomes[0] == (False, True)
