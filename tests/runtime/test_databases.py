"""The test database comes back whole, even when a test has left a session open."""

from __future__ import annotations

import os

import psycopg
import pytest
from django.db import connection

from tests.databases import database_name, restore_test_database

pytestmark = [pytest.mark.external, pytest.mark.django_db(transaction=True)]


def test_a_session_that_a_test_left_open_does_not_stop_the_next_one() -> None:
    url = os.environ["DATABASE_URL"]
    left_open = psycopg.connect(url, dbname=database_name(), autocommit=True)
    restore_test_database()
    with pytest.raises(psycopg.OperationalError):
        left_open.execute("select 1")
    with connection.cursor() as cursor:
        cursor.execute("select count(*) > 0 from django_content_type")
        assert cursor.fetchone() == (True,)
