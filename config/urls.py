"""All URLs of the site; each app brings its own."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from config.health import healthz
from tenants.access import public

urlpatterns = [
    path("healthz/", public(healthz), name="healthz"),
    path("", include("tenants.urls")),
    path("styleguide/", include("tenants.styleguide_urls")),
    path("", include("marketplace.urls")),
    path("", include("devices.urls")),
    path("", include("finance.urls")),
    path("api/v1/", include("config.api_urls")),
    path("api/schema/", public(SpectacularAPIView.as_view()), name="schema"),
]
