"""Small problems that the scheduling tests share."""

from scheduling.core import (
    Alternative,
    Capability,
    Machine,
    Order,
    Problem,
    Step,
    Window,
)

DAY = (Window(start=0, end=1200), Window(start=1440, end=2640), Window(start=2880, end=4080))


def machine(
    name: str,
    process: str = "pressing",
    *,
    factory: str | None = None,
    windows: tuple[Window, ...] | None = DAY,
    rate: int = 60,
    **figures: object,
) -> Machine:
    """Make a machine of its own factory that does `process` at `rate` pieces an hour."""
    capability = Capability(process=process, rate_per_hour=rate, **figures)  # type: ignore[arg-type]
    return Machine(
        id=name, factory=factory or f"{name}-works", windows=windows, capabilities=(capability,)
    )


def order(
    name: str = "plates", quantity: int = 60, *, steps: str = "pressing", **limits: object
) -> Order:
    """Make an order whose routing is the comma-separated `steps`."""
    routing = tuple(Step(process=process) for process in steps.split(","))
    return Order(id=name, quantity=quantity, steps=routing, **limits)  # type: ignore[arg-type]


def market(*parts: Machine | Order, **rest: object) -> Problem:
    """Make a problem of machines and orders in any sequence."""
    return Problem(
        machines=tuple(part for part in parts if isinstance(part, Machine)),
        orders=tuple(part for part in parts if isinstance(part, Order)),
        **rest,  # type: ignore[arg-type]
    )


def job_shop(*jobs: list[list[tuple[int, int]]], machines: int) -> Problem:
    """Make a shop: jobs are lists of operations, operations lists of (machine, duration)."""
    return Problem(
        machines=tuple(Machine(id=str(m), factory=str(m)) for m in range(machines)),
        orders=tuple(
            Order(
                id=str(number),
                steps=tuple(
                    Step(
                        alternatives=tuple(
                            Alternative(machine=str(m), duration_minutes=d) for m, d in operation
                        )
                    )
                    for operation in job
                ),
            )
            for number, job in enumerate(jobs)
        ),
    )
