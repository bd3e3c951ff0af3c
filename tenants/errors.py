"""The base of every error a user can act on."""

from __future__ import annotations


class DomainError(Exception):
    """A refusal with a status and a sentence that says what is wrong and how to mend it.

    `status` is the HTTP status, `code` a stable word for machines. The sentence is a lazy
    translation, so that page and API each speak the reader's language.
    """

    status = 422
    code = "refused"

    def __init__(self, sentence: object, **context: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.context = context

    def __str__(self) -> str:
        return str(self.sentence)


class NotFound(DomainError):
    """Nothing of that name for this organisation; the same answer whether it exists or not."""

    status = 404
    code = "not_found"


class NotAllowed(DomainError):
    """The member's role does not include this act."""

    status = 403
    code = "not_allowed"


class Conflict(DomainError):
    """Somebody else came first, or the state has moved on."""

    status = 409
    code = "conflict"
