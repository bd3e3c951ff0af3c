"""The REST API, version 1; each app brings its own routes."""

from django.urls import include, path

from tenants.api.views import WhoAmI

urlpatterns = [
    path("", WhoAmI.as_view(), name="api_root"),
    path("", include("marketplace.api.urls")),
    path("", include("devices.api.urls")),
]
