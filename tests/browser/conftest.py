"""A real Chromium on the real server; a page that tolerates no error of any kind."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, override_settings
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, expect

from tenants.models import Person
from tests.browser.server import end_left_sessions, served_site
from tests.databases import database_name

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
BUILT = Path(settings.BASE_DIR) / "build"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, put it last, and skip it where it cannot run."""
    # Playwright's loop runs in this thread, which Django takes for an async context. What runs a
    # loop of its own there has to come before.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    items.sort(key=_is_here)
    for item in filter(_is_here, items):
        item.add_marker(pytest.mark.browser)
        # Whitenoise streams files synchronously, of which Django warns under ASGI.
        item.add_marker(pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"))
        item.add_marker(pytest.mark.filterwarnings("ignore:unclosed"))
        if CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


def _is_here(item: pytest.Item) -> bool:
    return item.path.is_relative_to(Path(__file__).parent)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """Launch the machine's own Chromium; Playwright never downloads one."""
    return {"executable_path": CHROMIUM, "args": list(FLAGS)}


@pytest.fixture(scope="session")
def base_url() -> None:
    """Take the place of a plugin's fixture that pytest 9 warns of; tests use `site`."""


@pytest.fixture(scope="session")
def site_server(django_db_setup: None) -> Iterator[str]:
    """Serve the site for the whole run and return its address."""
    with (
        override_settings(WHITENOISE_USE_FINDERS=True, WHITENOISE_AUTOREFRESH=True),
        served_site() as address,
    ):
        yield address
    end_left_sessions(database_name())


@pytest.fixture
def site(site_server: str, db: None) -> str:
    """Return the site's address; a test that stores rows asks for a transactional database."""
    return site_server


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the accessibility checker's source, which the build copies."""
    script = BUILT / "test" / "axe.min.js"
    if not script.is_file():
        pytest.skip("build/test/axe.min.js is missing: run `make build-dev`")
    return script.read_text()


class Watch:
    """Collects what must not happen on a page."""

    def __init__(self, page: Page, address: str) -> None:
        self.address = address
        self.faults: list[str] = []
        self.forgiven: list[re.Pattern[str]] = []
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("console", self._console)
        page.on("requestfailed", self._failed)
        page.on("request", self._request)
        page.on("response", self._response)

    def forgive(self, pattern: str) -> None:
        """Expect faults that match, in a test that provokes them."""
        self.forgiven.append(re.compile(pattern))

    def left(self) -> list[str]:
        """Return the faults that nobody expected."""
        return [f for f in self.faults if not any(p.search(f) for p in self.forgiven)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        # A page that is left stops its own requests.
        if request.failure and "ERR_ABORTED" not in request.failure:
            self.faults.append(f"request failed: {request.url} {request.failure}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"foreign request: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")


@pytest.fixture
def watch(site: str, page: Page) -> Watch:
    """Return the page's watch, to forgive a fault that the test provokes."""
    return Watch(page, site)


expect.set_options(timeout=15_000)


@pytest.fixture
def clean(watch: Watch, page: Page) -> Iterator[Page]:
    """Give a page that fails the test on any error, failed request or foreign request.

    A page counts as opened when its modules have come too: a click before that is lost.
    """
    open_page = page.goto
    page.goto = lambda url, **options: open_page(  # type: ignore[method-assign]
        url, **{"wait_until": "networkidle", **options}
    )
    yield page
    assert not watch.left(), "\n".join(watch.left())


@pytest.fixture
def choose(context: BrowserContext, site: str) -> Callable[..., None]:
    """Return a function that sets language and theme as a reader's cookies do."""

    def set_cookies(*, language: str = "en", theme: str = "light") -> None:
        context.add_cookies(
            [
                {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": site},
                {"name": "theme", "value": theme, "url": site},
            ]
        )

    return set_cookies


@pytest.fixture
def sign_in(context: BrowserContext, site: str) -> Callable[[Person], None]:
    """Return a function that signs a person in without the form; needs committed rows."""

    def give_session(person: Person) -> None:
        client = Client()
        client.force_login(person)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site}])

    return give_session
