"""Messages are handled at least once, and never lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenants.acting import acting_as
from tenants.models import OutboxMessage
from tenants.services import outbox
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def runs() -> Iterator[list[int]]:
    """Register two topics for the test: one that merges, one that does not."""
    seen: list[int] = []

    def note(number: int) -> None:
        if number < 0:
            raise ValueError("refused")
        seen.append(number)

    outbox.handles("test.each")(note)
    outbox.handles("test.merged", merges=True)(note)
    yield seen
    del outbox._handlers["test.each"], outbox._handlers["test.merged"]


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
