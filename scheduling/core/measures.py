"""Measure a schedule: when orders are complete, what they cost, how late they are."""

from scheduling.core.problem import Order, Problem
from scheduling.core.result import Objective
from scheduling.core.schedule import Assignment, Schedule


def assignment_cost(problem: Problem, assignment: Assignment) -> int:
    """Return what one assignment costs, in minor units; 0 where the machine cannot do it."""
    option = problem.option_by_key.get((_process(problem, assignment), assignment.machine))
    if option is None:
        return 0
    return option.cost_minor(assignment.quantity, assignment.set_up_minutes)


def assignment_risk(problem: Problem, assignment: Assignment) -> int:
    """Return the thousandths of a minute of an assignment's work that are expected late."""
    machine = problem.machine_by_id[assignment.machine]
    option = problem.option_by_key.get((_process(problem, assignment), machine.id))
    if option is None:
        return 0
    minutes = option.work_minutes(assignment.quantity) + assignment.set_up_minutes
    return minutes * (1000 - machine.reliability_permille)


def _process(problem: Problem, assignment: Assignment) -> str:
    return problem.order_by_id[assignment.order].steps[assignment.step].process or ""


def delivered_at(problem: Problem, order: Order, assignment: Assignment) -> int:
    """Return when the pieces of an assignment of a last step reach the destination."""
    factory = problem.machine_by_id[assignment.machine].factory
    return assignment.end + problem.transport.lag(factory, order.destination)


def completion_by_order(problem: Problem, schedule: Schedule) -> dict[str, int]:
    """Return per planned order the minute when its last lot is complete and delivered."""
    completion: dict[str, int] = {}
    for order_id, assignments in schedule.by_order.items():
        order = problem.order_by_id[order_id]
        last = {step for step, after in enumerate(order.successors) if not after}
        completion[order_id] = max(
            (delivered_at(problem, order, a) for a in assignments if a.step in last), default=0
        )
    return completion


def cost_by_order(problem: Problem, schedule: Schedule) -> dict[str, int]:
    """Return per planned order its machine cost in minor units."""
    return {
        order: sum(assignment_cost(problem, assignment) for assignment in assignments)
        for order, assignments in schedule.by_order.items()
    }


def outside_cost(problem: Problem, schedule: Schedule) -> int:
    """Return what the pieces cost that no lot makes, for orders with an outside price."""
    total = 0
    for order in problem.orders:
        if order.outside_price_minor is not None:
            total += order.outside_price_minor * (order.quantity - pieces_made(order, schedule))
    return total


def pieces_made(order: Order, schedule: Schedule) -> int:
    """Return the pieces of `order` that its lots make (each counted once, at its first step)."""
    return sum(a.quantity for a in schedule.by_order.get(order.id, ()) if a.step == 0)


def cost_by_factory(problem: Problem, schedule: Schedule) -> dict[str, int]:
    """Return per factory what its assignments earn, in minor units."""
    cost: dict[str, int] = {}
    for assignment in schedule:
        factory = problem.machine_by_id[assignment.machine].factory
        cost[factory] = cost.get(factory, 0) + assignment_cost(problem, assignment)
    return cost


def tardiness(problem: Problem, schedule: Schedule) -> int:
    """Return the minutes past the due dates, summed over the planned orders."""
    total = 0
    for order_id, completed in completion_by_order(problem, schedule).items():
        due = problem.order_by_id[order_id].due
        if due is not None:
            total += max(0, completed - due)
    return total


def objective_value(problem: Problem, schedule: Schedule, goal: Objective) -> int:
    """Return the value of `schedule` under `goal`, in minutes or minor units."""
    if goal is Objective.COST:
        return sum(cost_by_order(problem, schedule).values()) + outside_cost(problem, schedule)
    if goal is Objective.TARDINESS:
        return tardiness(problem, schedule)
    if goal is Objective.COMPLETION:
        return sum(completion_by_order(problem, schedule).values())
    if goal is Objective.RISK:
        return sum(assignment_risk(problem, assignment) for assignment in schedule)
    return max(completion_by_order(problem, schedule).values(), default=0)


def preferred_pieces(problem: Problem, schedule: Schedule) -> int:
    """Return the pieces, summed over steps, that preferred factories make."""
    return sum(
        a.quantity
        for a in schedule
        if problem.machine_by_id[a.machine].factory
        in problem.order_by_id[a.order].preferred_factories
    )
