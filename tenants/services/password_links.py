"""Mailing a link by which somebody sets a new password."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.core.cache import cache
from django.utils import translation

SECONDS_BETWEEN = 120
"""An address gets one message in this time, however often it is asked for."""


class _LinkForm(PasswordResetForm):
    """Django's own search and token, written in the language of the person."""

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> None:
        with translation.override(context["user"].language):
            super().send_mail(
                subject_template_name, email_template_name, context, from_email, to_email
            )


def mail_link(*, email: str, host: str, is_secure: bool) -> None:
    """Mail a link to the account of `email`, if there is one that may sign in.

    `host` is the name by which the site was asked, checked against those it answers to. Nothing
    tells the asker whether there was an account, nor whether a message went out a moment ago.
    """
    address = email.strip().lower()
    mark = hashlib.sha256(address.encode()).hexdigest()
    form = _LinkForm({"email": address})
    if not form.is_valid() or not cache.add(f"password-link:{mark}", 1, SECONDS_BETWEEN):
        return
    form.save(
        domain_override=host,
        subject_template_name="tenants/mail/password_subject.txt",
        email_template_name="tenants/mail/password.txt",
        use_https=is_secure,
        extra_email_context={"minutes": str(settings.PASSWORD_RESET_TIMEOUT // 60)},
    )
