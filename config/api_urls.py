"""The REST API, version 1; each app brings its own routes."""

from django.urls import include, path

urlpatterns = [
    path("", include("marketplace.api.urls")),
    path("", include("devices.api.urls")),
]
