"""Whatever is sent to the API's doors, the answer is a sentence and never a failure of ours.

The doors are read from the API's own document, so that a new one is attacked as it comes.
"""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from tenants.acting import acting_as
from tenants.clock import site_now
from tenants.models.keys import Scope
from tenants.services.keys import create_key
from tests.factories import make_member

pytestmark = pytest.mark.django_db

SEED = 20260302
TRIES = 12
LONG = "工" * 5000
NASTY: tuple[Any, ...] = (
    *(None, True, "", " ", "\x00", "a\x00b", "\ud800", LONG, "=1+1", "<script>", "NaN", "1e400"),
    *(0, -1, 10**18, -(10**18), 2**63, 10**30, 1.5, 1e308, float("nan"), float("inf")),
    *([], {}, [[]], [None], {"a": 1}, [1, "a", None], "00000000-0000-0000-0000-000000000000"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"),
    *("2026-03-29T02:30:00", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00+14:00"),
)
RAW = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b'"x"',
    b'{"a":1,"a":2}',
    b"\xff\xfe",
    b'{"a":NaN}',
    b"[" * 20_000 + b"]" * 20_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
)


def sample(schema: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Return a value that a schema allows, more or less."""
    if "$ref" in schema:
        return sample(parts[schema["$ref"].rsplit("/", 1)[1]], parts)
    for word in ("allOf", "oneOf", "anyOf"):
        if word in schema:
            return sample(schema[word][0], parts)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        return {name: sample(one, parts) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema.get("items", {}), parts)]
    by_format = {
        "uuid": str(UUID(int=7)),
        "date-time": "2026-03-02T09:00:00Z",
        "date": "2026-03-02",
        "time": "09:00",
    }
    words = {"integer": 1, "number": 1.0, "boolean": True}
    return by_format.get(schema.get("format", ""), words.get(str(kind), "blanking"))


def spoiled(value: Any, chance: random.Random) -> Any:
    """Return a copy of a body with one of its values, at any depth, turned nasty or left out."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(sorted(value))
        if chance.random() < 0.1:
            return {key: one for key, one in value.items() if key != name}
        return {**value, name: spoiled(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.6:
        return [spoiled(value[0], chance), *value[1:]]
    return chance.choice(NASTY)


def doors() -> Iterator[tuple[str, str, Any, list[str]]]:
    """Yield method, path, a sample body and the query's names of every operation."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    parts = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            query = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
            yield method, path, sample(schema, parts) if schema else {}, query


def bodies(body: Any, chance: random.Random) -> Iterator[bytes]:
    yield json.dumps(body).encode()
    yield from chance.sample(RAW, 4)
    for _try in range(TRIES):
        yield json.dumps(spoiled(body, chance)).encode()


@pytest.fixture
def client() -> Client:
    member = make_member(kinds=["supplier", "buyer", "lender"])
    with acting_as(member.tenant_id):
        _key, text = create_key(
            organisation=member.tenant,
            by=member,
            now=site_now(),
            name="K",
            scopes=[scope.value for scope in Scope],
            expires_at=None,
        )
    return Client(headers={"authorization": f"Bearer {text}"}, raise_request_exception=False)


def test_every_cursor_gets_a_page_or_a_sentence(client: Client) -> None:
    sent = (b"p=abc", b"p=", b"p=\x00", b"p=-1", b"p=" + b"9" * 25, b"r=x", b"o=9&p=1", b"\xff")
    failures = []
    for method, path, _body, query in doors():
        if method == "get" and "cursor" in query:
            for text in sent:
                answer = client.get(path, {"cursor": base64.b64encode(text).decode()})
                if answer.status_code not in (200, 404):
                    failures.append(f"{path} {answer.status_code}: {text!r}")
    assert not failures, "\n".join(failures)


ODD_WORDS = ("\x00", "\ud800", "x" * 100_000, 1e308, True, None, [1], {"a": 1})


@pytest.mark.parametrize("attribute", ["material", "max_width_mm", "\x00", "\ud800", "x" * 9_999])
def test_every_requirement_gets_a_sentence(client: Client, attribute: str) -> None:
    for odd in ODD_WORDS:
        step = {"process": "blanking", "requirements": {attribute: odd}}
        dates = {"earliest_start_at": site_now(), "due_at": site_now() + timedelta(days=9)}
        body = {"title": "x", "quantity": 10, "currency": "CNY", "steps": [step], **dates}
        answer = client.post("/api/v1/orders/", body, "application/json")
        assert answer.status_code in (400, 422), (odd, answer.status_code)
        assert answer.json()["detail"]


def test_every_body_gets_a_sentence(client: Client) -> None:
    chance, failures = random.Random(SEED), []
    for method, path, body, query in doors():
        door = re.sub(r"\{[^}]+\}", str(UUID(int=7)), path)
        if method == "get":
            asked = [{name: one} for name in query for one in ("", "\x00", LONG[:300], "-1", "[]")]
            answers = [(one, client.get(door, one)) for one in ({}, *asked)]
        else:
            answers = [
                (raw[:200], client.generic(method.upper(), door, raw, "application/json"))
                for raw in bodies(body, chance)
            ]
        for sent, answer in answers:
            refused = answer.status_code >= 400
            if answer.status_code >= 500 or (refused and not answer.json().get("detail")):
                failures.append(f"{method} {path} {answer.status_code}: {sent!r}")
    assert not failures, "\n".join(failures)
