"""Pages of the seats; each part of the business brings its own."""

from django.urls import URLPattern, URLResolver, path

from marketplace.views import shell

urlpatterns: list[URLPattern | URLResolver] = [
    path("home/", shell.home, name="home"),
    path("search/", shell.search, name="search"),
]
