"""The words of the books and the reports, in templates."""

from __future__ import annotations

from django import template
from django.utils.functional import Promise

from finance import wording
from finance.credit import reading

register = template.Library()


@register.filter
def transaction_kind(code: str) -> Promise | str:
    """Name a kind of movement: `{{ movement.kind|transaction_kind }}`."""
    return wording.transaction_kind(code)


@register.filter
def access_outcome(code: str) -> Promise | str:
    """Name what came of a look: `{{ event.outcome|access_outcome }}`."""
    return wording.access_outcome(code)


@register.filter
def source_kind(code: str) -> Promise | str:
    """Name a source of a report: `{{ source.kind|source_kind }}`."""
    return reading.source_kind(code)
