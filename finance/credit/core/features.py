"""What is known of a supplier's behaviour, measured over one window of time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Features:
    """Measured values; None where nothing could be measured.

    `days_observed` are days on which a machine of the firm was heard. `coverage` is the share of
    the sold hours, so far, in which the machine's state was known. `active_day_share` is the share
    of the observed days with at least an hour of running, `utilisation` the share of the known
    hours spent running or setting up. `claim_deviation` is how far the shop's reported pieces are
    from the machines' own count, as a share of the count.
    """

    days_observed: int
    coverage: float | None
    active_day_share: float | None
    utilisation: float | None
    deliveries: int
    on_time_share: float | None
    scrap_share: float | None
    claim_deviation: float | None
    orders_delivered: int
