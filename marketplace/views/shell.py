"""Pages that serve every seat: the way home and the search box."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from marketplace.navigation import first_screen
from marketplace.search import find
from tenants.access import member
from tenants.core.roles import Act


@member(Act.READ)
def home(request: HttpRequest) -> HttpResponse:
    """Go to the first screen of the organisation's first seat."""
    return redirect(first_screen(request.acting))


@member(Act.READ)
def search(request: HttpRequest) -> HttpResponse:
    """List what matches, as the palette's rows."""
    groups = find(membership=request.acting, text=request.GET.get("q", "").strip())
    return render(request, "components/palette_results.html", {"groups": groups})
