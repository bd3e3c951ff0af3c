from tenants.models.audit import AuditEntry
from tenants.models.keys import ApiKey, IdempotentReply
from tenants.models.organisations import (
    Invitation,
    Membership,
    Organisation,
    OrganisationKind,
    Role,
)
from tenants.models.outbox import OutboxMessage
from tenants.models.people import Person

__all__ = [
    "ApiKey",
    "AuditEntry",
    "IdempotentReply",
    "Invitation",
    "Membership",
    "Organisation",
    "OrganisationKind",
    "OutboxMessage",
    "Person",
    "Role",
]
