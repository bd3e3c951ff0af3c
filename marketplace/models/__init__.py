from marketplace.models.capacity import CapacityWindow, Listing, ListingState, WindowState
from marketplace.models.catalogue import Capability, CapabilityAttribute, Process
from marketplace.models.displacements import Displacement, DisplacementState
from marketplace.models.learned import LearnedRate
from marketplace.models.offers import Offer, OfferState
from marketplace.models.orders import Order, OrderState, OrderStep
from marketplace.models.plans import (
    ASIDE,
    Commitment,
    Plan,
    PlanKind,
    PlanPurpose,
    PlanRequest,
    PlanRequestState,
    PlanState,
)
from marketplace.models.production import (
    Correction,
    Operation,
    OperationState,
    WorkOrder,
    WorkOrderState,
)
from marketplace.models.proposals import Downtime, Promise, Proposal, ProposalState
from marketplace.models.settlement import Funding, FundingState, Release
from marketplace.models.shipping import Shipment, ShipmentLine, ShipmentState

__all__ = [
    "ASIDE",
    "Capability",
    "CapabilityAttribute",
    "CapacityWindow",
    "Commitment",
    "Correction",
    "Displacement",
    "DisplacementState",
    "Downtime",
    "Funding",
    "FundingState",
    "LearnedRate",
    "Listing",
    "ListingState",
    "Offer",
    "OfferState",
    "Operation",
    "OperationState",
    "Order",
    "OrderState",
    "OrderStep",
    "Plan",
    "PlanKind",
    "PlanPurpose",
    "PlanRequest",
    "PlanRequestState",
    "PlanState",
    "Process",
    "Promise",
    "Proposal",
    "ProposalState",
    "Release",
    "Shipment",
    "ShipmentLine",
    "ShipmentState",
    "WindowState",
    "WorkOrder",
    "WorkOrderState",
]
