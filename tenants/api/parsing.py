"""How the API reads what is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

_UNKEPT = re.compile("[\x00\ud800-\udfff]")


class BoundedJSONParser(JSONParser):
    """JSON without NaN, with texts that can be kept, and no deeper than can be read."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            parsed = super().parse(stream, media_type, parser_context)
            is_kept = all(_can_be_kept(text) for text in _texts(parsed))
        except RecursionError as error:
            raise ParseError(_("This JSON is nested too deeply.")) from error
        if not is_kept:
            raise ParseError(
                _("A text holds a zero byte or half a character, which cannot be kept.")
            )
        return parsed


def _texts(value: Any) -> Iterator[str]:
    """Yield every text of parsed JSON, names of fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _can_be_kept(text: str) -> bool:
    """Say whether PostgreSQL takes a text: no zero byte, no half of a surrogate pair."""
    return _UNKEPT.search(text) is None
