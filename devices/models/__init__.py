from devices.models.machines import Device, Machine, MachineState, PlannedRun, Shift, Site
from devices.models.readings import Frame, LatestReading, QuarantinedFrame, Rollup, StateInterval

__all__ = [
    "Device",
    "Frame",
    "LatestReading",
    "Machine",
    "MachineState",
    "PlannedRun",
    "QuarantinedFrame",
    "Rollup",
    "Shift",
    "Site",
    "StateInterval",
]
