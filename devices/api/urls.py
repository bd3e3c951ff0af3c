from django.urls import URLPattern, URLResolver, path

from devices.api import sites

urlpatterns: list[URLPattern | URLResolver] = [
    path("sites/", sites.SitesView.as_view(), name="api_sites"),
    path("sites/<uuid:uid>/", sites.SiteView.as_view(), name="api_site"),
]
