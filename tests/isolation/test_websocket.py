"""A tab hears the organisation that it acts for, whatever keys it asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from django.contrib.auth.models import AnonymousUser

from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.consumers import FORBIDDEN, LiveConsumer
from tenants.live import organisation_group
from tenants.middleware import SESSION_KEY
from tenants.models import Membership
from tenants.services.organisations import change_member
from tests.factories import NOW, make_member

pytestmark = pytest.mark.django_db(transaction=True)
EVERY_KEY = ["order", "machines", "work", "money", "order:7"]


async def heard(user: Any, session: dict[str, Any], senders: list[int]) -> list[Any]:
    """Ask for every key, let organisations send under them, and return which senders came."""
    scope = {"type": "websocket", "path": "/ws/", "headers": [], "user": user, "session": session}
    tab = ApplicationCommunicator(LiveConsumer.as_asgi(), scope)
    await tab.send_input({"type": "websocket.connect"})
    opened = await tab.receive_output(timeout=5)
    if opened["type"] == "websocket.close":
        return [opened["code"]]
    await tab.send_input({"type": "websocket.receive", "text": json.dumps({"sub": EVERY_KEY})})
    await tab.receive_output(timeout=5)
    layer = get_channel_layer()
    for sender in senders:
        message = {"t": "numbers", "k": "order:7", "v": {str(sender): 1}}
        await layer.group_send(organisation_group(sender), {"type": "signal", "message": message})
    batch = json.loads((await tab.receive_output(timeout=5))["text"])
    assert await tab.receive_nothing(timeout=0.8)
    await tab.send_input({"type": "websocket.disconnect", "code": 1000})
    await tab.wait(timeout=5)
    return sorted(batch["numbers"]["order:7"])


def test_a_tab_hears_its_own_organisation_alone() -> None:
    ours, theirs = make_member(), make_member()
    senders = [theirs.tenant_id, ours.tenant_id]
    assert async_to_sync(heard)(ours.person, {}, senders) == [str(ours.tenant_id)]


def test_a_session_cannot_name_an_organisation_that_is_not_ones_own() -> None:
    ours, theirs = make_member(), make_member()
    session = {SESSION_KEY: theirs.tenant_id}
    senders = [theirs.tenant_id, ours.tenant_id]
    assert async_to_sync(heard)(ours.person, session, senders) == [str(ours.tenant_id)]


def test_nobody_and_former_members_hear_nothing() -> None:
    former = make_member()
    with acting_as(former.tenant_id):
        Membership.objects.filter(pk=former.pk).update(is_active=False)
    assert async_to_sync(heard)(AnonymousUser(), {}, []) == [FORBIDDEN]
    assert async_to_sync(heard)(former.person, {}, []) == [FORBIDDEN]


async def told(user: Any, *texts: dict[str, Any]) -> ApplicationCommunicator:
    """Open a tab and let it send."""
    scope = {"type": "websocket", "path": "/ws/", "headers": [], "user": user, "session": {}}
    tab = ApplicationCommunicator(LiveConsumer.as_asgi(), scope)
    await tab.send_input({"type": "websocket.connect"})
    assert (await tab.receive_output(timeout=5))["type"] == "websocket.accept"
    for one in texts:
        await tab.send_input({"type": "websocket.receive", **one})
    return tab


def test_an_open_tab_hears_nothing_more_when_its_person_is_removed() -> None:
    owner = make_member()
    guest, other = make_member(owner.tenant), make_member(owner.tenant)

    async def remove() -> list[Any]:
        tabs = [await told(one.person, {"text": json.dumps({"sub": []})}) for one in (guest, other)]
        for tab in tabs:
            await tab.receive_output(timeout=5)
        await sync_to_async(end)()
        closed = await tabs[0].receive_output(timeout=5)
        assert await tabs[1].receive_nothing(timeout=0.5)
        return [closed["type"], closed["code"]]

    def end() -> None:
        with acting_as(owner.tenant_id):
            change_member(
                organisation=owner.tenant,
                by=Actor.of_member(owner),
                now=NOW,
                uid=str(guest.uid),
                role="viewer",
                is_active=False,
            )

    assert async_to_sync(remove)() == ["websocket.close", FORBIDDEN]


@pytest.mark.parametrize(
    "sent",
    [
        *({"text": "{"}, {"text": ""}, {"text": "7"}, {"text": "[" * 100_000}, {"bytes": b"\xff"}),
        *({"text": '{"sub": 7}'}, {"text": json.dumps({"sub": ["x"] * 201})}),
    ],
)
def test_what_is_no_subscription_closes_the_tab(sent: dict[str, Any]) -> None:
    async def answer(user: Any) -> Any:
        return await (await told(user, sent)).receive_output(timeout=5)

    assert async_to_sync(answer)(make_member().person)["type"] == "websocket.close"
