from django.urls import URLPattern, URLResolver, path

from marketplace.api import capacity_views, deal_views, order_views, payment_views

urlpatterns: list[URLPattern | URLResolver] = [
    path("processes/", capacity_views.ProcessesView.as_view(), name="api_processes"),
    path("machines/", capacity_views.MachinesView.as_view(), name="api_machines"),
    path("machines/<uuid:uid>/", capacity_views.MachineView.as_view(), name="api_machine"),
    path(
        "capacity-windows/",
        capacity_views.CapacityWindowsView.as_view(),
        name="api_capacity_windows",
    ),
    path(
        "capacity-windows/publish/",
        capacity_views.PublishView.as_view(),
        name="api_capacity_publish",
    ),
    path(
        "capacity-windows/withdraw/",
        capacity_views.WithdrawView.as_view(),
        name="api_capacity_withdraw",
    ),
    path("listings/", capacity_views.ListingsView.as_view(), name="api_listings"),
    path("payments/", payment_views.PaymentsView.as_view(), name="api_payments"),
    path(
        "payments/<uuid:uid>/proof/",
        payment_views.PaymentProofView.as_view(),
        name="api_payment_proof",
    ),
    path(
        "payments/<uuid:uid>/confirm/",
        payment_views.PaymentConfirmView.as_view(),
        name="api_payment_confirm",
    ),
    path("offers/", deal_views.OffersView.as_view(), name="api_offers"),
    path("offers/<uuid:uid>/", deal_views.OfferView.as_view(), name="api_offer"),
    path("offers/<uuid:uid>/accept/", deal_views.OfferAcceptView.as_view(), name="api_accept"),
    path("offers/<uuid:uid>/decline/", deal_views.OfferDeclineView.as_view(), name="api_decline"),
    path("work-orders/", deal_views.WorkOrdersView.as_view(), name="api_work_orders"),
    path("operations/", deal_views.OperationsView.as_view(), name="api_operations"),
    path("operations/reports/", deal_views.ReportsView.as_view(), name="api_reports"),
    path("shipments/", deal_views.ShipmentsView.as_view(), name="api_shipments"),
    path("shipments/receive/", deal_views.ReceiveView.as_view(), name="api_receive"),
    path("shipments/inspect/", deal_views.InspectAllView.as_view(), name="api_inspect_all"),
    path(
        "shipments/<uuid:uid>/receive/", deal_views.ReceiveOneView.as_view(), name="api_receive_one"
    ),
    path("shipments/<uuid:uid>/inspect/", deal_views.InspectView.as_view(), name="api_inspect"),
    path("orders/", order_views.OrdersView.as_view(), name="api_orders"),
    path("orders/<uuid:uid>/", order_views.OrderView.as_view(), name="api_order"),
    path("orders/<uuid:uid>/band/", order_views.BandView.as_view(), name="api_band"),
    path("orders/<uuid:uid>/cancel/", order_views.OrderCancelView.as_view(), name="api_cancel"),
    path(
        "plan-requests/<uuid:uid>/",
        order_views.PlanRequestView.as_view(),
        name="api_plan_request",
    ),
    path(
        "plan-requests/<uuid:uid>/stop/",
        order_views.PlanRequestStopView.as_view(),
        name="api_plan_stop",
    ),
    path(
        "plan-requests/<uuid:uid>/wait/",
        order_views.ShareWaitView.as_view(),
        name="api_share_wait",
    ),
    path("plans/", order_views.PlansView.as_view(), name="api_plans"),
    path("plans/<uuid:uid>/", order_views.PlanView.as_view(), name="api_plan"),
    path("plans/<uuid:uid>/choose/", order_views.PlanChooseView.as_view(), name="api_choose"),
    path("plans/<uuid:uid>/steer/", order_views.PlanSteerView.as_view(), name="api_steer"),
]
