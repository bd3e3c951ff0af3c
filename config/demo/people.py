"""The demo's organisations and one login for each seat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.contrib.auth.hashers import make_password

from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.models import Membership, Organisation, Person, Role
from tenants.models.keys import ApiKey, Scope
from tenants.services.audit import record_act
from tenants.services.keys import create_key
from tenants.services.organisations import verify_organisation

PASSWORD = "openfloor demo"
"""The same for every demo login; the demo listens on loopback only."""
KEY_NAME = "Simulation"


@dataclass(frozen=True, kw_only=True)
class Firm:
    """An organisation of the demo and the person who signs in for it."""

    email: str
    person: str
    name: str
    name_zh: str
    kinds: tuple[str, ...]
    city: str


BUYER = Firm(
    email="buyer@demo.example",
    person="Chen Jing",
    name="Jiangbei Vehicle Registration Supply",
    name_zh="江北车辆号牌采购中心",
    kinds=("buyer",),
    city="Wenzhou",
)
LENDER = Firm(
    email="lender@demo.example",
    person="Zhao Min",
    name="Oujiang Rural Commercial Bank",
    name_zh="瓯江农村商业银行",
    kinds=("lender",),
    city="Wenzhou",
)
OPERATOR_EMAIL = "operator@demo.example"


@cache
def _password_hash() -> str:
    return make_password(PASSWORD)


def ensure_person(*, email: str, name: str) -> Person:
    """Return the person with this address, made if missing."""
    person, _made = Person.objects.get_or_create(
        email=email,
        defaults={"name": name, "password": _password_hash(), "time_zone": "Asia/Shanghai"},
    )
    return person


def ensure_firm(firm: Firm, *, now: datetime) -> Membership:
    """Return the owner's membership of a verified demo organisation, made if missing."""
    with acting_as(0):
        person = ensure_person(email=firm.email, name=firm.person)
    with acting_as(0, person_id=person.pk):
        found = Membership.objects.filter(person_id=person.pk).select_related("tenant").first()
    if found is None:
        found = _found(firm, person, now)
    found.person = person
    return found


def _found(firm: Firm, person: Person, now: datetime) -> Membership:
    with acting_as(0):
        organisation = Organisation.objects.create(
            name=firm.name,
            name_zh=firm.name_zh,
            kinds=list(firm.kinds),
            city=firm.city,
            is_simulated=True,
        )
    with acting_as(organisation.pk):
        membership = Membership.objects.create(tenant=organisation, person=person, role=Role.OWNER)
        record_act(
            by=Actor(tenant_id=organisation.pk, name=person.name),
            now=now,
            action="organisation.founded",
            subject="organisation",
            subject_uid=organisation.uid,
        )
    with acting_as(PLATFORM_ID):
        verify_organisation(
            uid=str(organisation.uid),
            by=Actor.system(PLATFORM_ID),
            now=now,
            verification="verified",
        )
    return membership


def ensure_operator() -> Membership:
    """Return the demo operator's membership of the platform, made if missing."""
    with acting_as(0):
        person = ensure_person(email=OPERATOR_EMAIL, name="Sun Lei")
        platform = Organisation.objects.get(pk=PLATFORM_ID)
    with acting_as(PLATFORM_ID):
        membership, _made = Membership.objects.get_or_create(
            tenant=platform, person=person, defaults={"role": Role.OWNER}
        )
    membership.person = person
    return membership


def fresh_key(membership: Membership, *, now: datetime) -> str:
    """Return the text of a new key for the simulator; earlier ones of that name end."""
    with acting_as(membership.tenant_id):
        ApiKey.objects.of(membership.tenant_id).filter(name=KEY_NAME, revoked_at=None).update(
            revoked_at=now
        )
        _key, text = create_key(
            organisation=membership.tenant,
            by=membership,
            now=now,
            name=KEY_NAME,
            scopes=list(Scope.values),
            expires_at=None,
        )
    return text
