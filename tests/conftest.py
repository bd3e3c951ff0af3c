"""What every test gets: servers, a database as the runtime role, no network but loopback."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.servers import part_live_updates, prepare_environment

# A busy machine is no fault of the example that it slows down.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

# On import, not in a hook: the conftests below this one may import models.
prepare_environment()

import django  # noqa: E402

django.setup()
part_live_updates()

from django.test import TransactionTestCase  # noqa: E402
from django.utils import translation  # noqa: E402

from tests.databases import (  # noqa: E402
    create_test_database,
    drop_test_database,
    restore_test_database,
)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make this worker's database, which every alias then leads to.

    Django's own way creates one database for each alias and migrates each.
    """
    with django_db_blocker.unblock():
        create_test_database()
    restored = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    # A flush would be refused to the runtime role, and would lose the migrations' rows.
    TransactionTestCase._fixture_teardown = lambda case: restore_test_database()  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = restored  # type: ignore[attr-defined]
    with django_db_blocker.unblock():
        drop_test_database()


@pytest.fixture(autouse=True)
def _language_of_the_site() -> Iterator[None]:
    """Leave no test the language in which the one before it read its last page."""
    yield
    translation.deactivate()
