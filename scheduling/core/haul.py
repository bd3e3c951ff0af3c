"""How long a truck takes between two places: the one figure of the site and of its benchmarks.

Positions are schematic, so the way is the straight line between them. 20 km an hour over it holds
for both kinds of haul: in a city a truck makes some 26 km/h on roads a third longer than the
line, and general freight over land makes 400 to 500 km a day from door to door. Loading and
unloading take an hour together. A plan that errs here is early, not late.
"""

from __future__ import annotations

from math import ceil, hypot

LOADING_MINUTES = 60
TRUCK_KM_PER_HOUR = 20


def haul_minutes(a: tuple[float, float], b: tuple[float, float]) -> int:
    """Return the minutes from the gate at `a` to the gate at `b`, in km on one schematic map.

    Both loading and unloading are within, whatever the distance; whole minutes, rounded up.
    """
    distance_km = hypot(a[0] - b[0], a[1] - b[1])
    return LOADING_MINUTES + ceil(distance_km * 60 / TRUCK_KM_PER_HOUR)
