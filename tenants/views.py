"""Pages of people and organisations."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, time
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenants import forms, selectors
from tenants.access import member, public, signed_in
from tenants.clock import site_now
from tenants.core.roles import Act
from tenants.errors import DomainError
from tenants.middleware import act_for
from tenants.models import Person
from tenants.services import keys as key_services
from tenants.services import organisations as services

PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"


def _next_url(request: HttpRequest, otherwise: str) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if safe else otherwise


def _form_page(request: HttpRequest, template: str, form: Any, **context: Any) -> HttpResponse:
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, template, {"form": form, **context}, status=status)


@public
def landing(request: HttpRequest) -> HttpResponse:
    """Say what this is; who is signed in goes to work instead."""
    if request.user.is_authenticated:
        return redirect("home")
    return render(request, "tenants/landing.html")


@public
def sign_in(request: HttpRequest) -> HttpResponse:
    form = forms.SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.person, backend=PASSWORD_BACKEND)
        return redirect(_next_url(request, settings.LOGIN_REDIRECT_URL))
    return _form_page(request, "tenants/sign_in.html", form, next=_next_url(request, ""))


@public
def sign_up(request: HttpRequest) -> HttpResponse:
    form = forms.SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = services.sign_up(language=translation.get_language(), **form.cleaned_data)
        except services.EmailTaken as refusal:
            form.add_error("email", str(refusal))
        else:
            login(request, person, backend=PASSWORD_BACKEND)
            return redirect(_next_url(request, "organisation_new"))
    return _form_page(request, "tenants/sign_up.html", form, next=_next_url(request, ""))


@public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@public
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Switch the language and stay on the page; a signed-in person keeps it."""
    code = request.POST.get("language", "")
    response = redirect(_next_url(request, "/"))
    if code in dict(settings.LANGUAGES):
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, code, max_age=31_536_000, samesite="Lax")
        if request.user.is_authenticated:
            Person.objects.filter(pk=request.user.pk).update(language=code)
    return response


@signed_in
def account(request: HttpRequest) -> HttpResponse:
    form = forms.AccountForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        with translation.override(form.instance.language):
            messages.success(request, _("Saved."))
        return redirect("account")
    return _form_page(request, "tenants/account.html", form)


@signed_in
def organisation_new(request: HttpRequest) -> HttpResponse:
    """Enter an organisation and make the signed-in person its owner."""
    form = forms.OrganisationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        organisation = services.open_organisation(
            organisation=form.save(commit=False), now=site_now()
        )
        act_for(request, organisation.pk)
        return redirect("home")
    return _form_page(request, "tenants/organisation_new.html", form)


@signed_in
@require_POST
def switch_organisation(request: HttpRequest) -> HttpResponse:
    """Work for another of one's organisations; an unknown choice changes nothing."""
    chosen = request.POST.get("membership", "")
    for membership in request.memberships:
        if str(membership.pk) == chosen:
            act_for(request, membership.tenant_id)
    return redirect("home")


@signed_in
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation and, on POST, join."""
    if request.method == "POST":
        act_for(request, services.accept_invitation(token=token, now=site_now()))
        return redirect("home")
    return render(request, "tenants/invitation.html", {"token": token})


@member(Act.READ)
def members(request: HttpRequest) -> HttpResponse:
    form = forms.InviteForm(request.POST or None)
    return _members_page(request, form)


def _members_page(request: HttpRequest, form: forms.InviteForm, link: str = "") -> HttpResponse:
    tenant_id = request.acting.tenant_id
    return _form_page(
        request,
        "tenants/members.html",
        form,
        members=selectors.members(tenant_id),
        invitations=selectors.open_invitations(tenant_id),
        link=link,
        now=site_now(),
    )


@member(Act.ADMINISTER)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody and show the link, once."""
    form = forms.InviteForm(request.POST)
    link = ""
    if form.is_valid():
        try:
            token = services.invite(
                organisation=request.acting.tenant,
                invited_by=request.acting,
                now=site_now(),
                **form.cleaned_data,
            )
            link = request.build_absolute_uri(f"/invitations/{token}/")
            form = forms.InviteForm()
        except DomainError as refusal:
            form.add_error("email", str(refusal))
    return _members_page(request, form, link)


@member(Act.ADMINISTER)
@require_POST
def invitation_withdraw(request: HttpRequest, uid: str) -> HttpResponse:
    services.withdraw_invitation(
        organisation=request.acting.tenant, by=request.actor, now=site_now(), uid=uid
    )
    messages.success(request, _("The invitation is withdrawn; its link no longer works."))
    return redirect("members")


@member(Act.ADMINISTER)
@require_POST
def member_change(request: HttpRequest, uid: str) -> HttpResponse:
    services.find_member(organisation=request.acting.tenant, uid=uid)
    form = forms.MemberForm(request.POST)
    if form.is_valid():
        services.change_member(
            organisation=request.acting.tenant,
            by=request.actor,
            now=site_now(),
            uid=uid,
            **form.cleaned_data,
        )
        messages.success(request, _("Saved."))
    return redirect("members")


@member(Act.ADMINISTER)
def keys(request: HttpRequest) -> HttpResponse:
    """List API keys; on POST make one and show it, once."""
    form = forms.KeyForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        day = form.cleaned_data.pop("expires_on")
        _key, secret = key_services.create_key(
            organisation=request.acting.tenant,
            by=request.acting,
            now=site_now(),
            expires_at=datetime.combine(day, time.max, tzinfo=UTC) if day else None,
            **form.cleaned_data,
        )
        form = forms.KeyForm()
    rows = selectors.api_keys(request.acting.tenant_id)
    return _form_page(request, "tenants/keys.html", form, keys=rows, secret=secret)


@member(Act.ADMINISTER)
@require_POST
def key_revoke(request: HttpRequest, uid: str) -> HttpResponse:
    key_services.revoke_key(
        organisation=request.acting.tenant, by=request.actor, now=site_now(), uid=uid
    )
    messages.success(request, _("The key is revoked. Requests with it are refused from now on."))
    return redirect("keys")


@member(Act.ADMINISTER)
def organisation_settings(request: HttpRequest) -> HttpResponse:
    form = forms.OrganisationSettingsForm(request.POST or None, instance=request.acting.tenant)
    if request.method == "POST" and form.is_valid():
        services.change_settings(organisation=form.instance, by=request.actor, now=site_now())
        messages.success(request, _("Saved."))
        return redirect("organisation_settings")
    return _form_page(request, "tenants/organisation_settings.html", form)


@member(Act.ADMINISTER)
def audit(request: HttpRequest) -> HttpResponse:
    """Show who did what; `?format=csv` gives the newest 10,000 lines."""
    search = request.GET.get("q", "").strip()
    entries = selectors.audit_trail(request.acting.tenant_id, search=search)
    if request.GET.get("format") == "csv":
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="audit.csv"'
        writer = csv.writer(response)
        writer.writerow(["at", "actor", "action", "subject", "subject_uid"])
        for entry in entries[:10_000]:
            # A leading sign would make a spreadsheet read a name as a formula.
            actor = f"'{entry.actor}" if entry.actor[:1] in "=+-@" else entry.actor
            writer.writerow(
                [entry.at.isoformat(), actor, entry.action, entry.subject, entry.subject_uid]
            )
        return response
    page = Paginator(entries, 50).get_page(request.GET.get("page"))
    return render(request, "tenants/audit.html", {"page": page, "search": search})
