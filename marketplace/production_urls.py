"""Pages from the offer to the inspected lot: the factory's and the buyer's."""

from django.urls import URLPattern, URLResolver, path

from marketplace.views import offers, order_progress, proposals, shipments, work

urlpatterns: list[URLPattern | URLResolver] = [
    path("supplier/", work.supplier_home, name="supplier_home"),
    path("supplier/schedule/", work.supplier_schedule, name="supplier_schedule"),
    path("supplier/offers/", offers.offers, name="offers"),
    path("supplier/offers/<uuid:uid>/", offers.offer, name="offer"),
    path("supplier/offers/<uuid:uid>/accept/", offers.offer_accept, name="offer_accept"),
    path("supplier/offers/<uuid:uid>/decline/", offers.offer_decline, name="offer_decline"),
    path("supplier/work/", work.work, name="work"),
    path("supplier/work/<uuid:uid>/", work.work_order, name="work_order"),
    path(
        "supplier/work/<uuid:uid>/material/",
        proposals.work_order_material,
        name="work_order_material",
    ),
    path("supplier/operations/<uuid:uid>/start/", work.operation_start, name="operation_start"),
    path("supplier/operations/<uuid:uid>/report/", work.operation_report, name="operation_report"),
    path(
        "supplier/operations/<uuid:uid>/correct/", work.operation_correct, name="operation_correct"
    ),
    path("supplier/machines/<uuid:uid>/down/", proposals.machine_down, name="machine_down"),
    path(
        "supplier/machines/<uuid:uid>/down/say/",
        proposals.machine_down_say,
        name="machine_down_say",
    ),
    path(
        "supplier/machines/<uuid:uid>/down/end/",
        proposals.machine_down_end,
        name="machine_down_end",
    ),
    path("supplier/proposals/", proposals.proposals, name="proposals"),
    path(
        "supplier/proposals/<uuid:uid>/accept/", proposals.proposal_accept, name="proposal_accept"
    ),
    path(
        "supplier/proposals/<uuid:uid>/dismiss/",
        proposals.proposal_dismiss,
        name="proposal_dismiss",
    ),
    path("supplier/proposals/<uuid:uid>/again/", proposals.proposal_again, name="proposal_again"),
    path("buyer/orders/<uuid:uid>/proposals/", proposals.order_proposals, name="order_proposals"),
    path("buyer/proposals/<uuid:uid>/accept/", proposals.later_accept, name="later_accept"),
    path("buyer/proposals/<uuid:uid>/wait/", proposals.later_refuse, name="later_refuse"),
    path("supplier/shipments/", shipments.supplier_shipments, name="supplier_shipments"),
    path("supplier/shipments/send/", shipments.lots_ship, name="lots_ship"),
    path("supplier/shipments/receive/", shipments.shipments_receive, name="shipments_receive"),
    path("buyer/inspections/", shipments.inspections, name="inspections"),
    path("buyer/inspections/receive/", shipments.deliveries_receive, name="deliveries_receive"),
    path("buyer/inspections/check/", shipments.inspections_check, name="inspections_check"),
    path("buyer/inspections/accept/", shipments.inspections_accept, name="inspections_accept"),
    path("buyer/inspections/<uuid:uid>/", shipments.inspection, name="inspection"),
    path(
        "buyer/inspections/<uuid:uid>/check/", shipments.inspection_check, name="inspection_check"
    ),
    path("buyer/inspections/<uuid:uid>/give/", shipments.inspection_give, name="inspection_give"),
    path("buyer/orders/<uuid:uid>/progress/", order_progress.order_progress, name="order_progress"),
    path("buyer/orders/<uuid:uid>/trace/", order_progress.order_trace, name="order_trace"),
]
