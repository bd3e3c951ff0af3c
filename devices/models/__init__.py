from devices.models.machines import Device, Machine, MachineState, PlannedRun, Shift, Site
from devices.models.readings import (
    Boot,
    ClockBin,
    Frame,
    LatestReading,
    ProducedHour,
    QuarantinedFrame,
    QuarantineReason,
    ReadingPost,
    Rollup,
    StateInterval,
)

__all__ = [
    "Boot",
    "ClockBin",
    "Device",
    "Frame",
    "LatestReading",
    "Machine",
    "MachineState",
    "PlannedRun",
    "ProducedHour",
    "QuarantineReason",
    "QuarantinedFrame",
    "ReadingPost",
    "Rollup",
    "Shift",
    "Site",
    "StateInterval",
]
