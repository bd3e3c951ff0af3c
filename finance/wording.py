"""The words for codes that the books and the reports keep."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TRANSACTION_KINDS: dict[str, Promise] = {
    "funding": _("Paid in"),
    "release": _("Released"),
    "refund": _("To be paid back"),
    "sent": _("Sent by the bank"),
}
ACCESS_OUTCOMES: dict[str, Promise] = {
    "disclosed": _("Read"),
    "requested": _("Refused: not granted yet"),
    "declined": _("Refused: you declined"),
    "revoked": _("Refused: you withdrew it"),
    "expired": _("Refused: it was over"),
    "not_yet": _("Refused: not valid yet"),
    "no_reads_left": _("Refused: all looks used"),
    "other_purpose": _("Refused: another purpose"),
    "not_the_reader": _("Refused: not its consent"),
    "reader_suspended": _("Refused: reader suspended"),
    "no_report": _("No report yet"),
}
REFUSALS: dict[str, Promise] = {
    "requested": _("The firm has not granted your request yet."),
    "declined": _("The firm has declined your request."),
    "revoked": _("The firm has withdrawn its consent. Ask for a new one to read again."),
    "expired": _("This consent is over. Ask the firm for a new one."),
    "not_yet": _("This consent is not valid yet."),
    "no_reads_left": _("All looks of this consent are used. Ask the firm for a new one."),
    "other_purpose": _("The consent is for another purpose."),
    "reader_suspended": _("Your organisation is suspended and reads no reports now."),
    "no_report": _("The firm has no report yet. It makes one on its credit profile."),
}
"""What a lender reads when a look is refused."""


def transaction_kind(code: str) -> Promise | str:
    return TRANSACTION_KINDS.get(code, code)


def access_outcome(code: str) -> Promise | str:
    return ACCESS_OUTCOMES.get(code, code)
