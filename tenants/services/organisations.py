"""Signing up, founding an organisation, inviting and changing members."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from tenants.actors import Actor
from tenants.errors import Conflict, DomainError, NotFound
from tenants.live import announce_end_of_membership
from tenants.models import Invitation, Membership, Organisation, Person, Role
from tenants.services.audit import record_act

INVITATION_LASTS = timedelta(days=7)


class EmailTaken(DomainError):
    status = 422
    code = "email_taken"


class InvitationGone(NotFound):
    code = "invitation_gone"


class LastOwner(Conflict):
    code = "last_owner"


def sign_up(
    *, email: str, name: str, password: str, language: str, time_zone: str = "Asia/Shanghai"
) -> Person:
    """Make an account.

    Raises:
        EmailTaken: the address has an account already.
    """
    person = Person(
        email=email.strip().lower(), name=name.strip(), language=language, time_zone=time_zone
    )
    person.set_password(password)
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError as error:
        raise EmailTaken(
            _("This e-mail address has an account already. Sign in instead.")
        ) from error
    return person


def open_organisation(*, organisation: Organisation, now: datetime) -> Organisation:
    """Enter an organisation in the directory and make the transaction's person its owner.

    The request may be bound to another organisation of the person, and a transaction is never
    switched; so the first membership is written by a function of the database, which makes a
    person the owner of an organisation that has no member yet, and of no other.
    """
    organisation.save(force_insert=True)
    with connection.cursor() as cursor:
        cursor.execute("select open_organisation(%s, %s)", [organisation.pk, now])
    return organisation


def change_settings(*, organisation: Organisation, by: Actor, now: datetime) -> None:
    """Save an organisation's own directory entry."""
    organisation.save(update_fields=["name", "name_zh", "city", "time_zone"])
    record_act(
        by=by,
        now=now,
        action="organisation.changed",
        subject="organisation",
        subject_uid=organisation.uid,
    )


def invite(
    *, organisation: Organisation, invited_by: Membership, now: datetime, email: str, role: str
) -> str:
    """Invite an address; returns the token that the link carries, which is not kept.

    Raises:
        Conflict: the address has an open invitation or is a member already.
    """
    email = email.strip().lower()
    if (
        Membership.objects.of(organisation.pk)
        .filter(person__email__iexact=email, is_active=True)
        .exists()
    ):
        raise Conflict(_("This person is a member already."))
    token = secrets.token_urlsafe(32)
    Invitation.objects.of(organisation.pk).filter(
        email__iexact=email, accepted_at=None, withdrawn_at=None, expires_at__lte=now
    ).update(withdrawn_at=now)
    try:
        with transaction.atomic():
            invitation = Invitation.objects.create(
                tenant=organisation,
                email=email,
                role=role,
                token_hash=hashlib.sha256(token.encode()).digest(),
                invited_by=invited_by.person,
                created_at=now,
                expires_at=now + INVITATION_LASTS,
            )
    except IntegrityError as error:
        raise Conflict(
            _("This address has an open invitation. Withdraw it to send another.")
        ) from error
    record_act(
        by=Actor.of_member(invited_by),
        now=now,
        action="member.invited",
        subject="invitation",
        subject_uid=invitation.uid,
        role=role,
    )
    return token


def withdraw_invitation(*, organisation: Organisation, by: Actor, now: datetime, uid: str) -> None:
    """Make an open invitation's link worthless."""
    changed = (
        Invitation.objects.of(organisation.pk)
        .filter(uid=uid, accepted_at=None, withdrawn_at=None)
        .update(withdrawn_at=now)
    )
    if not changed:
        raise InvitationGone(_("This invitation was accepted or withdrawn already."))
    record_act(
        by=by,
        now=now,
        action="invitation.withdrawn",
        subject="invitation",
        subject_uid=None,
    )


def accept_invitation(*, token: str, now: datetime) -> int:
    """Let the transaction's person join; returns the organisation. One caller wins.

    Raises:
        InvitationGone: unknown, used, withdrawn or expired, or meant for another address.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select accept_invitation(%s, %s)", [hashlib.sha256(token.encode()).digest(), now]
        )
        (tenant_id,) = cursor.fetchone()
    if tenant_id is None:
        raise InvitationGone(_("This invitation is not valid any more. Ask for a new one."))
    return tenant_id


def find_member(*, organisation: Organisation, uid: str) -> Membership:
    """Return a member, past ones too.

    Raises:
        NotFound: no such member here.
    """
    found = Membership.objects.of(organisation.pk).filter(uid=uid).first()
    if found is None:
        raise NotFound(_("There is no such member."))
    return found


def change_member(
    *, organisation: Organisation, by: Actor, now: datetime, uid: str, role: str, is_active: bool
) -> None:
    """Change a member's role or end the membership.

    With the membership end an invitation of the same address and what the person's open pages
    hear, so that nothing opens the door again but a new invitation.

    Raises:
        NotFound: no such member here.
        LastOwner: nobody would be left to administer the organisation.
    """
    owners = list(
        Membership.objects.of(organisation.pk)
        .filter(role=Role.OWNER, is_active=True)
        .order_by("id")
        .select_for_update(of=("self",))
    )
    changed = find_member(organisation=organisation, uid=uid)
    remains = is_active and role == Role.OWNER
    if not remains and [o.pk for o in owners] == [changed.pk]:
        raise LastOwner(_("This is the last owner. Make somebody else an owner first."))
    Membership.objects.of(organisation.pk).filter(pk=changed.pk).update(
        role=role, is_active=is_active
    )
    if not is_active:
        Invitation.objects.of(organisation.pk).filter(
            email__iexact=changed.person.email, accepted_at=None, withdrawn_at=None
        ).update(withdrawn_at=now)
        announce_end_of_membership(tenant_id=organisation.pk, person_id=changed.person_id)
    record_act(
        by=by,
        now=now,
        action="member.changed",
        subject="membership",
        subject_uid=changed.uid,
        role=role,
        is_active=is_active,
    )


def verify_organisation(*, uid: str, by: Actor, now: datetime, verification: str) -> Organisation:
    """Set what the platform has found about an organisation; only the platform may.

    Raises:
        NotFound: no such organisation, or not for this actor to decide.
    """
    changed = Organisation.objects.filter(uid=uid).update(verification=verification)
    organisation = Organisation.objects.filter(uid=uid).first()
    if not changed or organisation is None:
        raise NotFound(_("There is no such organisation."))
    record_act(
        by=by,
        now=now,
        action=f"organisation.{verification}",
        subject="organisation",
        subject_uid=organisation.uid,
    )
    return organisation
