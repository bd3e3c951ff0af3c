"""Pages of orders, plans and matching runs."""

from django.urls import URLPattern, path

from marketplace.views import drills, matching, orders, plans, steering

urlpatterns: list[URLPattern] = [
    path("buyer/", orders.buyer_home, name="buyer_home"),
    path("buyer/orders/", orders.orders, name="orders"),
    path("buyer/orders/new/", orders.order_new, name="order_new"),
    path("buyer/orders/market/", orders.order_market, name="order_market"),
    path(
        "buyer/orders/market/<uuid:uid>/",
        orders.order_market_answer,
        name="order_market_answer",
    ),
    path("buyer/orders/<uuid:uid>/", orders.order, name="order"),
    path("buyer/orders/<uuid:uid>/state/", orders.order_state, name="order_state"),
    path("buyer/orders/<uuid:uid>/edit/", orders.order_new, name="order_edit"),
    path("buyer/orders/<uuid:uid>/cancel/", orders.order_cancel, name="order_cancel"),
    path("buyer/orders/<uuid:uid>/again/", orders.order_again, name="order_again"),
    path("buyer/orders/<uuid:uid>/drills/", drills.order_drills, name="order_drills"),
    path("buyer/orders/<uuid:uid>/drill/", drills.order_drill, name="order_drill"),
    path("buyer/orders/<uuid:uid>/plans/", plans.plans, name="plans"),
    path("buyer/plans/<uuid:uid>/", plans.plan, name="plan"),
    path("buyer/plans/<uuid:uid>/gantt/", plans.plan_gantt, name="plan_gantt"),
    path("buyer/plans/<uuid:uid>/steer/", steering.plan_steer, name="plan_steer"),
    path("buyer/plans/<uuid:uid>/steering/", steering.plan_steering, name="plan_steering"),
    path("buyer/plans/<uuid:uid>/choose/", plans.plan_choose, name="plan_choose"),
    path("buyer/plan-requests/<uuid:uid>/stop/", plans.plan_stop, name="plan_stop"),
    path("buyer/plan-requests/<uuid:uid>/wait/", plans.share_wait, name="share_wait"),
    path("operator/matching/", matching.matching_runs, name="matching_runs"),
    path("operator/matching/<uuid:uid>/", matching.matching_run, name="matching_run"),
]
