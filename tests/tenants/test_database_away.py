"""A database that goes away in the middle is told as "try again", and is used again when back."""

from __future__ import annotations

import os

import psycopg
import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.databases import database_name

pytestmark = [pytest.mark.external, pytest.mark.django_db(transaction=True)]


def _lose_the_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(pg_backend_pid())")


def page(request: HttpRequest) -> HttpResponse:
    _lose_the_connection()
    return HttpResponse("not reached")


class Door(APIView):
    authentication_classes: list[type] = []
    permission_classes: list[type] = []

    def post(self, request: Request) -> Response:
        _lose_the_connection()
        return Response()


def kept(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    return HttpResponse("answered")


urlpatterns = [
    path("page/", page),
    path("api/v1/door/", Door.as_view()),
    path("kept/", kept),
]


@pytest.mark.urls(__name__)
def test_a_page_whose_connection_breaks_says_try_again() -> None:
    answer = Client().get("/page/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "The database does not answer just now. Try again in a moment." in answer.text


@pytest.mark.urls(__name__)
def test_a_post_whose_connection_breaks_is_a_problem_document_that_may_be_sent_again() -> None:
    answer = Client().post("/api/v1/door/", {}, content_type="application/json")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "code": "database_away",
        "detail": "The database does not answer just now. Try again in a moment.",
    }


@pytest.mark.urls(__name__)
def test_a_connection_that_the_server_has_closed_meanwhile_is_replaced_unseen() -> None:
    assert Client().get("/kept/").text == "answered"
    connection.close()  # back into the pool, as at the end of a request of the real site
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        ended = other.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where datname = %s and usename = current_user and pid <> pg_backend_pid()",
            [database_name()],
        ).fetchone()
    assert ended is not None
    assert ended[0] > 0
    assert Client().get("/kept/").text == "answered"
