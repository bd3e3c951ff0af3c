"""Messages are handled at least once, and never lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tenants.acting import acting_as
from tenants.models import OutboxMessage
from tenants.services import outbox
from tenants.tasks import handle_message
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def runs() -> Iterator[list[int]]:
    """Register topics for the test: one that merges, one that does not, one that waits."""
    seen: list[int] = []

    def note(number: int) -> None:
        if number < 0:
            raise ValueError("refused")
        seen.append(number)

    def wait(number: int) -> None:
        raise outbox.NotYet("not now", again_after=timedelta(seconds=number))

    outbox.handles("test.each")(note)
    outbox.handles("test.waits")(wait)
    outbox.handles("test.merged", merges=True)(note)
    yield seen
    for topic in ("test.each", "test.waits", "test.merged"):
        del outbox._handlers[topic]


def written(tenant_id: int, topic: str, *numbers: int) -> list[int]:
    with acting_as(tenant_id):
        for number in numbers:
            outbox.send_after_commit(tenant_id=tenant_id, topic=topic, number=number)
        rows = OutboxMessage.objects.of(tenant_id).filter(topic=topic).order_by("id")
        return list(rows.values_list("id", flat=True))


def open_messages(tenant_id: int) -> int:
    with acting_as(tenant_id):
        return OutboxMessage.objects.of(tenant_id).filter(handled_at=None).count()


def test_a_message_that_comes_twice_is_handled_once(runs: list[int]) -> None:
    tenant_id = make_organisation().pk
    (message_id,) = written(tenant_id, "test.each", 7)
    for _ in range(2):
        outbox.handle(message_id=message_id, tenant_id=tenant_id)
    assert runs == [7]
    assert open_messages(tenant_id) == 0


def test_a_failed_message_stays_open_with_its_reason(runs: list[int]) -> None:
    tenant_id = make_organisation().pk
    (message_id,) = written(tenant_id, "test.each", -1)
    with pytest.raises(ValueError, match="refused"):
        outbox.handle(message_id=message_id, tenant_id=tenant_id)
    outbox.note_failure(message_id=message_id, tenant_id=tenant_id, error="refused")
    with acting_as(tenant_id):
        message = OutboxMessage.objects.of(tenant_id).get()
    assert (message.handled_at, message.last_error) == (None, "refused")


def test_equal_messages_of_a_merging_topic_are_answered_by_one_run(runs: list[int]) -> None:
    tenant_id = make_organisation().pk
    first, *_others = written(tenant_id, "test.merged", 1, 1, 1, 2)
    outbox.handle(message_id=first, tenant_id=tenant_id)
    assert runs == [1]
    assert open_messages(tenant_id) == 1


def test_a_message_is_not_handled_for_another_organisation(runs: list[int]) -> None:
    tenant_id, stranger = make_organisation().pk, make_organisation().pk
    (message_id,) = written(tenant_id, "test.each", 7)
    outbox.handle(message_id=message_id, tenant_id=stranger)
    assert runs == []
    assert open_messages(tenant_id) == 1


def test_a_topic_without_a_handler_is_a_mistake_of_ours() -> None:
    tenant_id = make_organisation().pk
    with acting_as(tenant_id), pytest.raises(KeyError):
        outbox.send_after_commit(tenant_id=tenant_id, topic="nobody.listens")


def test_a_message_that_must_wait_comes_again_when_its_handler_says(runs: list[int]) -> None:
    tenant_id = make_organisation().pk
    (message_id,) = written(tenant_id, "test.waits", 15)
    with acting_as(tenant_id):
        OutboxMessage.objects.update(due_at=datetime.now(UTC) + timedelta(hours=1))
    handle_message(message_id, tenant_id)
    with acting_as(tenant_id):
        message = OutboxMessage.objects.of(tenant_id).get()
    wait = message.due_at - datetime.now(UTC)
    assert timedelta(seconds=14) < wait <= timedelta(seconds=15)
    assert (message.handled_at, message.last_error) == (None, "")

    with acting_as(tenant_id):
        OutboxMessage.objects.update(due_at=message.created_at)
    outbox.put_off(message_id=message_id, tenant_id=tenant_id, delay=timedelta(minutes=1))
    with acting_as(tenant_id):
        assert OutboxMessage.objects.of(tenant_id).get().due_at == message.created_at
