"""Devices on machines: added, given another key, taken out of use."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from devices.core.keys import device_key, key_text
from devices.models import Device, Machine
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError, NotFound
from tenants.models import Organisation
from tenants.services.audit import record_act

MOST_NAME = 64


class NameTaken(Conflict):
    """Another device of the organisation has this name."""

    code = "name_taken"


class BadName(DomainError):
    """A name that no frame could carry."""

    code = "bad_name"


def add_device(
    *, organisation: Organisation, by: Actor, now: datetime, machine_uid: UUID, name: str
) -> tuple[Device, str]:
    """Add a device to a machine; its key is returned once, as text to copy.

    Raises:
        NotFound: no such machine here.
        BadName, NameTaken: nothing is added.
    """
    machine = Machine.objects.of(organisation.pk).filter(uid=machine_uid).first()
    if machine is None:
        raise NotFound(_("There is no such machine."))
    name = name.strip()
    if not 0 < len(name) <= MOST_NAME or not name.isprintable():
        raise BadName(_("Give the device a name of 1 to 64 characters."))
    try:
        with transaction.atomic():
            device = Device.objects.create(
                tenant=organisation,
                machine=machine,
                name=name,
                created_at=now,
                is_simulated=machine.is_simulated,
            )
    except IntegrityError as error:
        raise NameTaken(_("You already have a device of this name. Choose another.")) from error
    _record(by, now, "added", device, machine=str(machine.uid))
    return device, _key_of(device)


def rotate_key(
    *, organisation: Organisation, by: Actor, now: datetime, uid: UUID
) -> tuple[Device, str]:
    """Give a device its next key, returned once; frames signed with the last one are refused.

    Raises:
        NotFound: no such live device here.
    """
    device = _locked(organisation, uid)
    device.key_version += 1
    device.save(update_fields=["key_version"])
    _record(by, now, "key_rotated", device, version=device.key_version)
    return device, _key_of(device)


def revoke_device(*, organisation: Organisation, by: Actor, now: datetime, uid: UUID) -> Device:
    """Take a device out of use; its frames are refused from the next batch on.

    Raises:
        NotFound: no such live device here.
    """
    device = _locked(organisation, uid)
    device.revoked_at = now
    device.save(update_fields=["revoked_at"])
    _record(by, now, "revoked", device)
    return device


def _locked(organisation: Organisation, uid: UUID) -> Device:
    live = Device.objects.of(organisation.pk).filter(revoked_at=None)
    device = live.select_for_update().filter(uid=uid).first()
    if device is None:
        raise NotFound(_("There is no such device in use."))
    return device


def _key_of(device: Device) -> str:
    return key_text(device_key(settings.SECRET_KEY, device.uid, device.key_version))


def _record(by: Actor, now: datetime, act: str, device: Device, **detail: object) -> None:
    record_act(
        by=by, now=now, action=f"device.{act}", subject="device", subject_uid=device.uid, **detail
    )
