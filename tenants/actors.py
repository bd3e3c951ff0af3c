"""Who acts: a member, an API key, or the site itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenants.models import Membership

SYSTEM = "system"
KEY_MARK = "API key "
"""How the site itself, and a key before its name, stand in the trails."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """The `by` of every service: for which organisation, under which name in the trails."""

    tenant_id: int
    name: str

    @classmethod
    def of_member(cls, membership: Membership) -> Actor:
        return cls(tenant_id=membership.tenant_id, name=membership.person.name)

    @classmethod
    def system(cls, tenant_id: int) -> Actor:
        """Return the site acting for an organisation on a timer or a message."""
        return cls(tenant_id=tenant_id, name=SYSTEM)
