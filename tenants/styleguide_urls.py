"""The style guide's pages; anyone may see them."""

from django.urls import path

from tenants import styleguide
from tenants.access import public

urlpatterns = [
    path("", public(styleguide.overview), name="styleguide"),
    path("operations/", public(styleguide.operations), name="styleguide_operations"),
    path("large/", public(styleguide.large), name="styleguide_large"),
    path("landing/", public(styleguide.landing), name="styleguide_landing"),
]
