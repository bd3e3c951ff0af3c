from scheduling.models.reservations import Reservation, ReservationState
from scheduling.models.runs import SolveRun, SolveState

__all__ = ["Reservation", "ReservationState", "SolveRun", "SolveState"]
