"""The frame of every page: language, theme, nothing inline without its nonce."""

import re

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation

PAGES = ("base.html", "base_public.html", "404.html", "403.html", "403_csrf.html", "refused.html")


def page(name: str, **cookies: str) -> str:
    """Render a template as an anonymous reader gets it."""
    request = RequestFactory().get("/")
    request.COOKIES.update(cookies)
    request.csp_nonce = "n0nce"
    with translation.override("en"):
        return render_to_string(name, {}, request=request)


@pytest.mark.parametrize("name", PAGES)
def test_each_script_carries_the_nonce_or_is_mere_json(name: str) -> None:
    for script in re.findall(r"<script[^>]*>", page(name)):
        assert 'nonce="n0nce"' in script or 'type="application/json"' in script


@pytest.mark.parametrize("name", [*PAGES, "400.html", "500.html"])
def test_no_page_holds_an_inline_handler_or_style_sheet(name: str) -> None:
    text = page(name)
    assert not re.search(r"\son[a-z]+=", text)
    assert "<style" not in text
    assert "javascript:" not in text


def test_the_theme_comes_from_the_cookie_if_it_is_one_we_know() -> None:
    assert 'data-theme="dark"' in page("base.html", theme="dark")
    assert "data-theme=" not in page("base.html", theme='"><script>')
    assert "data-theme=" not in page("base.html").split("<body")[0]


@pytest.mark.parametrize("name", ["400.html", "500.html"])
def test_an_error_page_needs_neither_request_nor_database(name: str) -> None:
    assert "To the first page" in render_to_string(name)
