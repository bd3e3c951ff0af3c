"""Root runs PostgreSQL as somebody else, even from under a home that nobody else may enter."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from config.runtime.identity import NOBODY, SAME_USER, server_identity

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def test_an_ordinary_user_runs_the_servers_himself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert server_identity(Path("/bin/cat"), tmp_path) == SAME_USER


@as_root
def test_root_runs_a_program_behind_a_closed_folder_as_nobody(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    program = Path(shutil.copy("/bin/cat", home / "cat"))
    (home / "words").write_text("reached")
    identity = server_identity(program, home)
    told = subprocess.run(
        [*identity.prefix, program, "words", "/proc/self/status"],
        cwd=home,
        preexec_fn=identity.assume,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.startswith("reached")
    user = next(line for line in told.splitlines() if line.startswith("Uid:"))
    assert user.split()[1:] == [str(NOBODY)] * 4


@as_root
def test_a_file_is_given_only_to_whom_it_does_not_belong_yet(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").touch()
    server_identity(Path("/bin/cat"), Path("/")).own(tmp_path)
    owners = {path.stat().st_uid for path in (tmp_path, *tmp_path.rglob("*"))}
    assert owners == {NOBODY}
