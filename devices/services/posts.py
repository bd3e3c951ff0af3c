"""Frames over HTTP: kept with the reply, stored by the ingest worker like any others."""

from __future__ import annotations

from datetime import datetime

from django.db import connections
from django.utils.translation import gettext_lazy as _

from devices.core.frames import MAX_MESSAGE_BYTES, Reason, Refusal, decode
from devices.models import ReadingPost
from devices.services.arrivals import Message
from devices.services.store import milliseconds
from tenants.errors import DomainError
from tenants.models import Organisation

WAITING = """
select id, tenant_id, received_at, body from devices_readingpost order by id limit %s
"""
DONE = "delete from devices_readingpost where id = any(%s)"


class NotFrames(DomainError):
    """The body is no message of frames."""

    status = 422
    code = "not_frames"


class TooManyFrames(DomainError):
    """The body is larger than a message may be."""

    status = 413
    code = "too_large"


def accept_post(
    *, organisation: Organisation, now: datetime, body: bytes
) -> tuple[ReadingPost, int]:
    """Keep a message of frames in the open transaction; when it commits, the frames are safe.

    Returns the row and the number of frames.

    Raises:
        NotFrames, TooManyFrames: nothing is kept; a frame with a fault of its own is no reason,
            it goes to quarantine like one that came over MQTT.
    """
    found = decode(body)
    if len(found) == 1 and isinstance(found[0], Refusal):
        sentence = _("This is no message of frames: %(detail)s.") % {"detail": found[0].detail}
        if found[0].reason == Reason.TOO_LARGE:
            raise TooManyFrames(sentence, limit_bytes=MAX_MESSAGE_BYTES)
        raise NotFrames(sentence)
    post = ReadingPost.objects.create(tenant=organisation, received_at=now, body=body)
    return post, len(found)


def waiting_posts(*, limit: int, using: str) -> tuple[list[int], list[Message]]:
    """Return the oldest waiting posts: their ids, and their messages."""
    with connections[using].cursor() as cursor:
        cursor.execute(WAITING, [limit])
        rows = cursor.fetchall()
    messages = [
        Message(bytes(body), milliseconds(received_at), tenant_id=tenant_id)
        for _id, tenant_id, received_at, body in rows
    ]
    return [row[0] for row in rows], messages


def forget_posts(*, ids: list[int], using: str) -> None:
    """Delete posts whose frames are stored; before that commits, they are only stored again."""
    with connections[using].cursor() as cursor:
        cursor.execute(DONE, [ids])
