"""Find schedules. OR-Tools and HiGHS are imported in this package alone."""

from scheduling.core.solvers.run import solve

__all__ = ["solve"]
