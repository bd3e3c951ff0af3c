"""State completion and risk as the goals that planners and bounds already know."""

from dataclasses import replace

from scheduling.core.problem import MINUTES_PER_HOUR, Machine, Order, Problem
from scheduling.core.result import Objective


def as_known_goal(problem: Problem, goal: Objective) -> tuple[Problem, Objective]:
    """Return a problem and goal of equal value for every schedule of `problem`.

    The sum of completions is tardiness against due dates of 0. Risk is cost at an hourly
    price of an hour's lateness; price ceilings, being money, are left out of that problem, and
    pieces bought outside bear no risk.
    """
    if goal is Objective.COMPLETION:
        orders = tuple(replace(order, due=0) for order in problem.orders)
        return replace(problem, orders=orders), Objective.TARDINESS
    if goal is Objective.RISK:
        orders = tuple(_without_money(order) for order in problem.orders)
        machines = tuple(_priced_by_lateness(machine) for machine in problem.machines)
        return replace(problem, orders=orders, machines=machines), Objective.COST
    return problem, goal


def _priced_by_lateness(machine: Machine) -> Machine:
    price = MINUTES_PER_HOUR * (1000 - machine.reliability_permille)
    capabilities = tuple(replace(c, price_per_hour_minor=price) for c in machine.capabilities)
    return replace(machine, capabilities=capabilities)


def _without_money(order: Order) -> Order:
    outside = None if order.outside_price_minor is None else 0
    return replace(order, price_ceiling_minor=None, outside_price_minor=outside)
