from django.urls import URLPattern, URLResolver, path

from devices.api import devices, readings, sites

urlpatterns: list[URLPattern | URLResolver] = [
    path("sites/", sites.SitesView.as_view(), name="api_sites"),
    path("sites/<uuid:uid>/", sites.SiteView.as_view(), name="api_site"),
    path("devices/", devices.DevicesView.as_view(), name="api_devices"),
    path("devices/<uuid:uid>/key/", devices.DeviceKeyView.as_view(), name="api_device_key"),
    path(
        "devices/<uuid:uid>/revoke/", devices.DeviceRevokeView.as_view(), name="api_device_revoke"
    ),
    path("readings/", readings.ReadingsView.as_view(), name="api_readings"),
    path(
        "machines/<uuid:uid>/state/",
        readings.MachineStateView.as_view(),
        name="api_machine_state",
    ),
    path(
        "machines/<uuid:uid>/rollups/",
        readings.MachineRollupsView.as_view(),
        name="api_machine_rollups",
    ),
]
