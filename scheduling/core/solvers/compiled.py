"""Compile kernels to machine code, remembered on disk where some folder can be written."""

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` when it is first called; it runs without the interpreter's lock.

    numba refuses to remember anything where neither the source's folder nor the user's
    cache can be written; the function is then compiled anew in every process.
    """
    try:
        return njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return njit(nogil=True)(function)  # type: ignore[no-any-return]
