"""Cursor pages, newest first."""

from __future__ import annotations

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

LARGEST_ID = 2**63 - 1


class NewestFirst(CursorPagination):
    ordering = "-id"
    page_size_query_param = "limit"
    max_page_size = 500

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Read a cursor that we gave; its position is a row's number.

        Raises:
            NotFound: it is none of ours.
        """
        cursor = super().decode_cursor(request)
        position = None if cursor is None else cursor.position
        if position is not None and not (
            position.isascii() and position.isdigit() and int(position) <= LARGEST_ID
        ):
            raise NotFound(self.invalid_cursor_message)
        return cursor
