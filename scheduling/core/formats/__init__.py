"""Read problems from text: Openfloor JSON, FJSP text and JSP text."""

import json
from typing import Any

from scheduling.core.formats.openfloor import FORMAT_NAME, problem_from_json
from scheduling.core.formats.shop_text import UnreadableProblem, read_fjsp, read_jsp
from scheduling.core.problem import Problem

FORMATS = ("auto", "openfloor", "fjsp", "jsp")

__all__ = ["FORMATS", "UnreadableProblem", "read_problem"]


def read_problem(text: str, format_: str = "auto") -> Problem:
    """Read a problem; `auto` looks at the text to tell the format.

    The problem is read, not judged: call `validate()` on it.

    Raises:
        UnreadableProblem: the text is not of that format; the sentence says where.
    """
    stripped = text.lstrip("\ufeff \t\r\n")
    if format_ == "openfloor" or (format_ == "auto" and stripped.startswith(("{", "["))):
        return problem_from_json(_parsed(stripped))
    if format_ == "fjsp":
        return read_fjsp(stripped)
    if format_ == "jsp":
        return read_jsp(stripped)
    return _guessed(stripped)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise UnreadableProblem("The file is nested too deeply to be a problem.") from None
    except ValueError as error:
        raise UnreadableProblem(
            f"The file is not JSON of the format {FORMAT_NAME}: {error}."
        ) from None


def _guessed(text: str) -> Problem:
    """Try both shop formats: a text that fits one seldom fits the other."""
    try:
        return read_fjsp(text)
    except UnreadableProblem as fjsp_error:
        try:
            return read_jsp(text)
        except UnreadableProblem as jsp_error:
            raise UnreadableProblem(
                f"The file is neither FJSP text ({fjsp_error}) nor JSP text ({jsp_error})."
            ) from None
