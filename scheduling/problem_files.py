"""Solve and check problem files: the edge between files and the pure core.

No database, no server, no environment: `manage.py solve` and `manage.py check` call these.
"""

import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scheduling.core import Objective, Problem, Result, Status, solve
from scheduling.core.certify import certified_bound, is_bound_verified
from scheduling.core.checker import violations
from scheduling.core.formats import UnreadableProblem, read_problem
from scheduling.core.formats.results import faults_to_json, result_from_json, result_to_json
from scheduling.core.measures import objective_value

GZIP_MAGIC = b"\x1f\x8b"
MOST_BYTES = 256 * 1024 * 1024
"""What a file may hold, unpacked: some hundred times the largest known instance."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The JSON to write, the exit code, and the sentence for stderr when there is one."""

    document: dict[str, Any]
    exit_code: int = 0
    complaint: str = ""


def solve_file(
    path: Path,
    *,
    format_: str = "auto",
    objective: Objective = Objective.MAKESPAN,
    time_limit: float = 30.0,
    workers: int = 2,
    seed: int = 0,
) -> Outcome:
    """Read a problem file and solve it; faults make an `invalid` result and exit code 2."""
    invalid = Result(status=Status.INVALID, goal=objective, seed=seed)
    try:
        problem = _read(path, format_)
    except UnreadableProblem as error:
        document = result_to_json(None, invalid)
        document["faults"] = [{"code": "unreadable", "sentence": str(error)}]
        return Outcome(document=document, exit_code=2, complaint=str(error))
    faults = problem.validate()
    if faults:
        document = result_to_json(None, invalid) | {"faults": faults_to_json(faults)}
        return Outcome(document=document, exit_code=2, complaint=faults[0].sentence)
    with native_output_on_stderr():
        result = solve(
            problem, objective=objective, time_limit=time_limit, workers=workers, seed=seed
        )
    return Outcome(document=result_to_json(problem, result))


def check_file(
    path: Path, result_path: Path, *, format_: str = "auto", certify: bool = False
) -> Outcome:
    """Check a result file against its problem; violations make exit code 1."""
    nothing: dict[str, Any] = {
        "violations": [],
        "objective": None,
        "lower_bound_verified": None,
        "certified_bound": None,
    }
    try:
        problem = _read(path, format_)
        faults = problem.validate()
        if faults:
            return Outcome(document=nothing, exit_code=2, complaint=faults[0].sentence)
        reported = result_from_json(problem, _parsed(result_path))
    except UnreadableProblem as error:
        return Outcome(document=nothing, exit_code=2, complaint=str(error))
    found = violations(problem, reported.schedule, unplanned=reported.unplanned)
    listed = [{"code": each.code, "sentence": each.sentence} for each in found]
    objective: int | None = None
    is_plan = len(reported.schedule) > 0 or not (found or reported.unplanned)
    if is_plan and not _is_unreadable(found):
        objective = objective_value(problem, reported.schedule, reported.goal)
        if reported.objective is not None and objective != reported.objective:
            sentence = f"The result claims {reported.objective}; the schedule gives {objective}."
            listed.append({"code": "objective", "sentence": sentence})
    document = nothing | {"violations": listed, "objective": objective}
    if certify:
        certified = certified_bound(problem, reported)
        document |= {
            "lower_bound_verified": is_bound_verified(
                problem, reported, certified, is_sound=not found
            ),
            "certified_bound": certified,
        }
    return Outcome(document=document, exit_code=1 if listed else 0)


def _is_unreadable(found: list[Any]) -> bool:
    return any(violation.code.startswith("unknown_") for violation in found)


def write(document: dict[str, Any], out: Path | None) -> None:
    """Write a document as JSON to `out`, or to stdout, in UTF-8 whatever the locale.

    Half of a surrogate pair, which a name may hold, becomes the JSON escape that it came from.
    """
    written = (json.dumps(document, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
    if out is not None:
        out.write_bytes(written)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(written)
    sys.stdout.buffer.flush()


def _read(path: Path, format_: str) -> Problem:
    return read_problem(_text(path), format_)


def _text(path: Path) -> str:
    """Read a text file, unpacking gzip by its content, not its name."""
    try:
        raw = _unpacked(path)
        if len(raw) > MOST_BYTES:
            raise UnreadableProblem(f"The file {path.name} holds more than {MOST_BYTES} bytes.")
        return raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise UnreadableProblem(f"There is no file {path.name}.") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UnreadableProblem(f"The file {path.name} cannot be read: {error}.") from None


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as packed:
        is_gzip = packed.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        packed.seek(0)
        if not is_gzip:
            return packed.read(MOST_BYTES + 1)
        with gzip.GzipFile(fileobj=packed) as unpacked:
            return unpacked.read(MOST_BYTES + 1)


def _parsed(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except RecursionError:
        raise UnreadableProblem(f"The file {path.name} is nested too deeply.") from None
    except ValueError as error:
        if isinstance(error, UnreadableProblem):
            raise
        raise UnreadableProblem(f"The file {path.name} is not JSON: {error}.") from None


@contextmanager
def native_output_on_stderr() -> Iterator[None]:
    """Send what native libraries print to stderr: HiGHS greets on stdout, which is for JSON."""
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
