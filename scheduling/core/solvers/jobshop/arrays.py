"""A plain job shop as arrays: each operation has one machine, each job is a chain."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scheduling.core.shop import ShopModel

Whole = NDArray[np.int64]
Number = NDArray[np.float64]
NONE = -1


class JobShop(NamedTuple):
    """Operations as arrays, numbered as in the `ShopModel`."""

    machine: Whole
    duration: Whole
    previous: Whole
    """The operation before it in its job, or -1."""
    following: Whole
    """The operation after it in its job, or -1."""
    release: Whole
    """The earliest start of its job."""
    first: Whole
    """Per machine, and one past the last: where its operations begin in lists by machine."""

    @property
    def is_released(self) -> bool:
        """Tell whether some job must wait for its release."""
        return bool(self.release.any())


def job_shop(model: ShopModel) -> JobShop | None:
    """Return the arrays of a shop; None when an operation has a choice or a job is no chain."""
    operations = model.operations
    if any(len(o.alternatives) != 1 or len(o.before) > 1 or len(o.after) > 1 for o in operations):
        return None
    machine = np.array([o.alternatives[0][0] for o in operations], dtype=np.int64)
    counts = np.bincount(machine, minlength=len(model.problem.machines))
    return JobShop(
        machine=machine,
        duration=np.array([o.alternatives[0][1] for o in operations], dtype=np.int64),
        previous=np.array([o.before[0] if o.before else NONE for o in operations], dtype=np.int64),
        following=np.array([o.after[0] if o.after else NONE for o in operations], dtype=np.int64),
        release=np.array([model.releases[o.job] for o in operations], dtype=np.int64),
        first=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
    )


def mirrored(shop: JobShop) -> JobShop:
    """Return the shop with time running backwards; releases are left out."""
    return shop._replace(
        previous=shop.following, following=shop.previous, release=np.zeros_like(shop.release)
    )


def work_after(shop: JobShop) -> Whole:
    """Return per operation the minutes of the operations after it in its job."""
    work = np.zeros_like(shop.duration)
    # Jobs are short beside the shop, so one sweep per step of the longest job is enough.
    at = np.flatnonzero(shop.following == NONE)
    while len(at):
        before = shop.previous[at]
        held = before != NONE
        work[before[held]] = work[at[held]] + shop.duration[at[held]]
        at = before[held]
    return work


def steps_after(shop: JobShop) -> Whole:
    """Return per operation how many operations come after it in its job."""
    return work_after(shop._replace(duration=np.ones_like(shop.duration)))
