"""Pages to change a password when signed in, and to set a new one by a mailed link."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as django_views
from django.db import transaction
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from tenants import forms
from tenants.access import public, signed_in
from tenants.tasks import mail_password_link


class _AnsweredByStatus:
    """Answer a form that is refused with 422, as every form of the site does."""

    def form_invalid(self, form: Form) -> HttpResponse:
        context = self.get_context_data(form=form)  # type: ignore[attr-defined]
        return self.render_to_response(context, status=422)  # type: ignore[attr-defined]


class PasswordChange(_AnsweredByStatus, django_views.PasswordChangeView):
    """Change one's own password; every other browser of the person is signed out."""

    form_class = forms.PasswordChangeForm
    template_name = "tenants/password_change.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: Form) -> HttpResponse:
        messages.success(
            self.request, _("Your password is changed. Your other browsers are signed out.")
        )
        return super().form_valid(form)


class PasswordForgotten(_AnsweredByStatus, django_views.PasswordResetView):
    """Ask for a link; the answer and its time are the same for every address."""

    form_class = forms.PasswordForgottenForm
    template_name = "tenants/password_forgotten.html"
    success_url = reverse_lazy("password_mailed")

    def form_valid(self, form: Form) -> HttpResponse:
        request = self.request
        wanted = {
            "email": form.cleaned_data["email"],
            "host": request.get_host(),
            "is_secure": request.is_secure(),
        }
        transaction.on_commit(lambda: mail_password_link.delay(**wanted), robust=True)
        return redirect(self.success_url)


class PasswordMailed(django_views.PasswordResetDoneView):
    """Say what comes next, and in a demo where the message lies instead."""

    template_name = "tenants/password_mailed.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_trial = settings.DEBUG or bool(settings.SITE_CLOCK_FILE)
        return super().get_context_data(**kwargs) | {
            "in_folder": is_trial and not settings.EMAIL_URL,
            "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
        }


class PasswordNew(_AnsweredByStatus, django_views.PasswordResetConfirmView):
    """Set a new password with the link of a message; the link works once."""

    form_class = forms.NewPasswordForm
    template_name = "tenants/password_new.html"
    success_url = reverse_lazy("sign_in")

    def form_valid(self, form: Form) -> HttpResponse:
        messages.success(self.request, _("Your new password is set. Sign in with it."))
        return super().form_valid(form)


change = signed_in(PasswordChange.as_view())
forgotten = public(PasswordForgotten.as_view())
mailed = public(PasswordMailed.as_view())
new = public(PasswordNew.as_view())
