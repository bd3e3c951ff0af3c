"""Plan markets of many single-step orders by assignment, component by component."""

from scheduling.core.solvers.assignment.market import MarketPlan, assign_market, is_assignable

__all__ = ["MarketPlan", "assign_market", "is_assignable"]
