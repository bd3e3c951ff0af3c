"""Pages of the seats; each part of the business brings its own."""

from django.urls import URLPattern, URLResolver, include, path

from marketplace.views import operator, shell, stops

urlpatterns: list[URLPattern | URLResolver] = [
    path("home/", shell.home, name="home"),
    path("search/", shell.search, name="search"),
    path("operator/", operator.operator_home, name="operator_home"),
    path("operator/organisations/", operator.organisations, name="organisations"),
    path(
        "operator/organisations/<uuid:uid>/",
        operator.operator_organisation,
        name="operator_organisation",
    ),
    path(
        "operator/organisations/<uuid:uid>/verify/",
        operator.organisation_verify,
        name="organisation_verify",
    ),
    path("operator/messages/", operator.outbox, name="outbox"),
    path("operator/stops/", stops.factory_stops, name="factory_stops"),
    path("operator/stops/try/", stops.factory_stop_try, name="factory_stop_try"),
    path("", include("marketplace.settlement_urls")),
    path("", include("marketplace.capacity_urls")),
    path("", include("marketplace.order_urls")),
    path("", include("marketplace.production_urls")),
]
