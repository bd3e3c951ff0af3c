"""As whom PostgreSQL runs, since it refuses to run as root.

An ordinary user runs it as himself. Root runs it as `nobody`, if `nobody` can reach the
program and the data folder. Under a home of mode 700 he cannot: then he keeps the one
capability that lets him pass folders, and where even that is not allowed (a container
without it), PostgreSQL gets a user namespace in which root is called `nobody`.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from config.runtime.failures import CannotRun

NOBODY = 65534
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_SECUREBITS = 28
# Without it access(2), by which initdb looks for its programs, ignores the capability.
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2

_libc = ctypes.CDLL(None, use_errno=True)


class NoServerIdentity(CannotRun):
    """Root found no way to run a program as somebody who is not root."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A user to run a child as; `assume` is called in the child, between fork and exec."""

    user: int | None = None
    capability: int | None = None
    prefix: tuple[str, ...] = ()

    def assume(self) -> None:
        """Become this user for good."""
        if self.user is None:
            return
        if self.capability is not None:
            _checked(_libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
        os.setgroups([])
        os.setresgid(self.user, self.user, self.user)
        os.setresuid(self.user, self.user, self.user)
        if self.capability is not None:
            _keep_only(self.capability)

    def own(self, path: Path) -> None:
        """Give `path` and all below it to this user, unless it is his already."""
        owner = os.geteuid() if self.user is None else self.user
        if path.stat().st_uid == owner:
            return
        for folder, _, names in os.walk(path):
            os.chown(folder, owner, -1)
            for name in names:
                os.chown(Path(folder, name), owner, -1, follow_symlinks=False)
        os.chown(path, owner, -1)


SAME_USER = Identity()


def server_identity(program: Path, folder: Path) -> Identity:
    """Choose the first identity that can run `program` and stand in `folder`.

    Raises:
        NoServerIdentity: we are root and none of the ways works here.
    """
    if os.geteuid() != 0:
        return SAME_USER
    candidates = [
        Identity(user=NOBODY),
        Identity(user=NOBODY, capability=_CAP_DAC_READ_SEARCH),
        Identity(user=NOBODY, capability=_CAP_DAC_OVERRIDE),
    ]
    if unshare := shutil.which("unshare"):
        prefix = (unshare, "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
        candidates.append(Identity(prefix=prefix))
    for candidate in candidates:
        if _works(candidate, program, folder):
            return candidate
    raise NoServerIdentity(
        "PostgreSQL refuses to run as root, and here root may not run it as another user. "
        "Start as an ordinary user, or give DATABASE_URL of a server that runs elsewhere."
    )


def _works(identity: Identity, program: Path, folder: Path) -> bool:
    """Try `program --version` as `identity`, from within `folder`.

    PostgreSQL's programs also ask access(2) for each other, so that must say yes too.
    """

    def in_child() -> None:
        identity.assume()
        os.chdir(folder)
        if not os.access(program, os.X_OK):
            raise PermissionError(program)

    try:
        trial = subprocess.run(
            [*identity.prefix, str(program), "--version"],
            preexec_fn=in_child,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return trial.returncode == 0


def _keep_only(capability: int) -> None:
    """Hold `capability` and no other, and keep it over exec (capabilities(7), ambient set)."""
    mask = 1 << capability
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # effective, permitted, inheritable for the lower 32 capabilities, then for the upper.
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    _checked(_libc.capset(header, sets))
    _checked(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def _checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
