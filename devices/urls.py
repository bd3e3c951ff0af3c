from django.urls import URLPattern, URLResolver, path

from devices.views import machines, quarantine, sites

urlpatterns: list[URLPattern | URLResolver] = [
    path("supplier/machines/tiles/", machines.machine_tiles, name="machine_tiles"),
    path("supplier/machines/<uuid:uid>/", machines.machine, name="machine"),
    path("supplier/machines/<uuid:uid>/devices/", machines.device_add, name="device_add"),
    path("supplier/devices/<uuid:uid>/key/", machines.device_rotate, name="device_rotate"),
    path("supplier/devices/<uuid:uid>/revoke/", machines.device_revoke, name="device_revoke"),
    path("operator/quarantine/", quarantine.quarantine, name="quarantine"),
    path("supplier/sites/", sites.sites, name="sites"),
    path("supplier/sites/new/", sites.site_new, name="site_new"),
    path("supplier/sites/<uuid:uid>/", sites.site, name="site"),
]
