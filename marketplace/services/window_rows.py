"""Rows of capacity windows: locked, written, priced, recorded and told to the market."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils.translation import gettext_lazy as _

from devices.models import Machine
from evidence.services.transitions import record_change
from marketplace.core.spans import Span
from marketplace.models import CapacityWindow, WindowState
from marketplace.selectors.capacity import ACTIVE, Terms, offered_times, reserved_spans, span_of
from marketplace.services.window_checks import NewWindow
from marketplace.services.window_faults import WindowsOverlap, committed, offered
from tenants.actors import Actor
from tenants.live import announce
from tenants.models import Organisation
from tenants.services.outbox import send_after_commit

PUBLISHED = "capacity.published"
BATCH = 1_000


def lock_machines(organisation: Organisation, ids: Iterable[int]) -> None:
    """Let nobody else write windows of these machines until the transaction ends.

    References to the machines stay possible: devices keep reporting.
    """
    locked = (
        Machine.objects.of(organisation.pk)
        .filter(pk__in=set(ids))
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    list(locked.values_list("pk", flat=True))


def store_windows(
    organisation: Organisation,
    now: datetime,
    new: Sequence[NewWindow],
    state: str = WindowState.DRAFT,
) -> list[CapacityWindow]:
    """Write checked windows.

    Raises:
        WindowsOverlap: the database found time that is taken, in spite of the check.
    """
    rows = [
        CapacityWindow(
            tenant=organisation,
            machine=one.machine,
            during=DateTimeTZRange(*one.span),
            price_minor_per_hour=one.terms.price_minor_per_hour,
            minimum_lot=one.terms.minimum_lot,
            currency=organisation.currency,
            state=state,
            created_at=now,
        )
        for one in new
    ]
    try:
        with transaction.atomic():
            return CapacityWindow.objects.bulk_create(rows, batch_size=BATCH)
    except IntegrityError as error:
        raise WindowsOverlap(
            _("Somebody has drawn overlapping time meanwhile. Load the page again and look.")
        ) from error


def set_terms(*, organisation: Organisation, now: datetime, terms: Mapping[int, Terms]) -> None:
    """Give all windows ahead of each machine its one price; tell the market of what changed."""
    changed = []
    for machine_id, one in sorted(terms.items()):
        fields = {
            "price_minor_per_hour": one.price_minor_per_hour,
            "minimum_lot": one.minimum_lot,
        }
        ahead = CapacityWindow.objects.of(organisation.pk).filter(
            machine_id=machine_id, state__in=ACTIVE, during__endswith__gt=now
        )
        if ahead.exclude(**fields).update(**fields):
            changed.append(machine_id)
    if changed:
        tell_market(organisation, changed)


def tell_market(organisation: Organisation, machine_ids: Iterable[int]) -> None:
    """Have the listings of some machines written again, in one message."""
    send_after_commit(
        tenant_id=organisation.pk,
        topic=PUBLISHED,
        supplier_id=organisation.pk,
        machine_ids=sorted(set(machine_ids)),
    )
    announce(tenant_ids=(organisation.pk,), key="capacity")


def refuse_committed(organisation: Organisation, leaving: Mapping[Machine, Sequence[Span]]) -> None:
    """Refuse when some of the time that is to leave the market is sold, or offered to the firm.

    The machines are locked by the caller. An acceptance claims its offer first and locks the
    machines then: while it waits here its offer still counts as open, and once it is stored its
    reservations count. So time never leaves the market between a question and its answer.

    Raises:
        TimeCommitted: naming the machine and the sold time.
        TimeOffered: naming the machine, the time and the order that waits for an answer.
    """
    spans = [span for spans in leaving.values() for span in spans]
    if not spans:
        return
    frame = Span(min(s.start for s in spans), max(s.end for s in spans))
    reserved = reserved_spans(organisation.pk, leaving, frame)
    for machine, gone in leaving.items():
        for sold in reserved[machine.pk]:
            if any(sold.overlaps(span) for span in gone):
                raise committed(machine, sold)
    asked = offered_times(organisation.pk, leaving, frame)
    for machine, gone in leaving.items():
        for one in asked[machine.pk]:
            if any(one.span.overlaps(span) for span in gone):
                raise offered(machine, one)


def record_by_machine(
    change: str, windows: Iterable[CapacityWindow], *, by: Actor, now: datetime
) -> None:
    """Write one audit line and one evidence row for each machine whose windows have changed."""
    found: dict[Machine, list[CapacityWindow]] = defaultdict(list)
    for window in windows:
        found[window.machine].append(window)
    for machine, rows in found.items():
        record_change(
            machine,
            change=change,
            by=by,
            now=now,
            evidence={
                "windows": [[moment.isoformat() for moment in span_of(row)] for row in rows],
                "price_minor_per_hour": rows[0].price_minor_per_hour,
                "currency": rows[0].currency,
                "minimum_lot": rows[0].minimum_lot,
            },
        )
