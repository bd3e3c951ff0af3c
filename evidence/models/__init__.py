from evidence.models.consents import AccessEvent, Consent
from evidence.models.entries import PendingEntry

__all__ = ["AccessEvent", "Consent", "PendingEntry"]
