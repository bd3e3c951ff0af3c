"""One measured figure as every bench prints it."""

from typing import Any


def figure(
    name: str,
    value: float | None,
    unit: str,
    goal: str,
    holds: bool,
    yardstick: float | None = None,
) -> dict[str, Any]:
    """Return a figure beside its goal; `yardstick` is what another way reached in the same run."""
    return {
        "name": name,
        "value": None if value is None else round(value, 5),
        "unit": unit,
        "goal": goal,
        "holds": holds,
        "yardstick": None if yardstick is None else round(yardstick, 5),
    }
