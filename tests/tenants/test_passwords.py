"""Passwords: changed when signed in, set anew by a mailed link."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client

from config.runtime.clock import begin_demo_clock
from tenants.models import Person
from tenants.services import password_links
from tests.factories import PASSWORD, make_member

pytestmark = pytest.mark.django_db
NEW = "another sentence of mine"


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Keep what is queued for the worker."""
    queued: list[dict[str, Any]] = []
    monkeypatch.setattr("tenants.passwords.mail_password_link.delay", lambda **w: queued.append(w))
    return queued


@pytest.fixture
def person() -> Person:
    """Make a person whose address no other process of this run has mailed to."""
    person = make_member().person
    person.email = f"{uuid4().hex}@example.com"
    person.set_password(PASSWORD)
    person.save()
    return person


def signed_in(person: Person) -> Client:
    client = Client()
    assert client.login(username=person.email, password=PASSWORD)
    return client


def ask(email: str, tasks: list[dict[str, Any]], capture: Any) -> Any:
    """Ask for a link as a newcomer does, and do what the worker would."""
    with capture(execute=True):
        answer = Client().post("/password/", {"email": email})
    for wanted in tasks:
        password_links.mail_link(**wanted)
    tasks.clear()
    return answer


def link_in(message: mail.EmailMessage) -> str:
    found = re.search(r"http://testserver(/password/\S+)", str(message.body))
    assert found is not None
    return found[1]


def opened(client: Client, link: str) -> str:
    """Open a link and return the address of the form, where its secret is not shown any more."""
    return str(client.get(link).url)


def test_a_signed_in_person_changes_the_password_and_stays_signed_in(person: Person) -> None:
    here, elsewhere = signed_in(person), signed_in(person)
    answer = here.post(
        "/account/password/",
        {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW},
    )
    assert answer.url == "/account/"
    assert here.get("/account/").status_code == 200
    assert "/sign-in/" in elsewhere.get("/account/").url
    assert not Client().login(username=person.email, password=PASSWORD)
    assert Client().login(username=person.email, password=NEW)


@pytest.mark.parametrize(
    ("old", "first", "second", "sentence"),
    [
        ("not the one I have", NEW, NEW, "This is not your present password."),
        (PASSWORD, NEW, NEW + "s", "This differs from the new password above."),
        (PASSWORD, "short", "short", "too short"),
    ],
)
def test_a_change_that_is_refused_says_why(
    person: Person, old: str, first: str, second: str, sentence: str
) -> None:
    answer = signed_in(person).post(
        "/account/password/",
        {"old_password": old, "new_password1": first, "new_password2": second},
    )
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert Client().login(username=person.email, password=PASSWORD)


def test_a_mailed_link_sets_a_new_password_once(
    person: Person, tasks: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    ask(person.email.upper(), tasks, django_capture_on_commit_callbacks)
    (message,) = mail.outbox
    assert message.to == [person.email]
    link, client = link_in(message), Client()
    form = opened(client, link)
    answer = client.post(form, {"new_password1": NEW, "new_password2": NEW})
    assert answer.url == "/sign-in/"
    assert Client().login(username=person.email, password=NEW)
    assert "does not work any more" in Client().get(link).content.decode()


def test_the_answer_is_the_same_for_an_address_without_account(
    person: Person, tasks: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    known = ask(person.email, tasks, django_capture_on_commit_callbacks)
    mail.outbox.clear()
    unknown = ask("nobody@example.com", tasks, django_capture_on_commit_callbacks)
    assert mail.outbox == []
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)
    assert unknown.url == "/password/mailed/"


def test_an_address_is_not_flooded(
    person: Person, tasks: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    for _ in range(3):
        ask(person.email, tasks, django_capture_on_commit_callbacks)
    assert len(mail.outbox) == 1


def test_the_message_speaks_the_persons_language(
    person: Person, tasks: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    Person.objects.filter(pk=person.pk).update(language="zh-hans")
    ask(person.email, tasks, django_capture_on_commit_callbacks)
    (message,) = mail.outbox
    assert message.subject == "Openfloor：设置新密码"
    assert "您好" in str(message.body)


def test_a_new_password_is_held_to_the_same_rules(
    person: Person, tasks: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    ask(person.email, tasks, django_capture_on_commit_callbacks)
    client = Client()
    form = opened(client, link_in(mail.outbox[0]))
    answer = client.post(form, {"new_password1": "1234567890", "new_password2": "1234567890"})
    assert answer.status_code == 422
    assert Client().login(username=person.email, password=PASSWORD)


@pytest.mark.parametrize(
    ("is_demo", "url", "shown"), [(False, "", False), (True, "", True), (True, "smtp://mx", False)]
)
def test_only_a_demo_without_mail_server_says_where_messages_lie(
    settings: Any, tmp_path: Any, is_demo: bool, url: str, shown: bool
) -> None:
    clock = tmp_path / "clock.json"
    begin_demo_clock(clock)
    settings.SITE_CLOCK_FILE, settings.EMAIL_URL = str(clock) if is_demo else "", url
    page = Client().get("/password/mailed/").content.decode()
    assert ("This site has no mail server" in page) is shown


def test_without_a_mail_server_messages_become_files_of_the_sites_own_user(
    settings: Any, tmp_path: Any
) -> None:
    settings.EMAIL_BACKEND = "config.mail.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    mail.send_mail("Subject", "Body", None, ["a@example.com"])
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700
    (written,) = (tmp_path / "mail").iterdir()
    assert "Body" in written.read_text()
