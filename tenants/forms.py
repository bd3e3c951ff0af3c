"""Forms of people and organisations."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth import forms as django_forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from tenants.models import Organisation, OrganisationKind, Person, Role
from tenants.models.keys import Scope

ZONES = [
    (zone, zone.replace("_", " "))
    for zone in sorted(zoneinfo.available_timezones())
    if "/" in zone and not zone.startswith(("Etc/", "posix/", "right/", "SystemV/", "US/"))
]
PASSWORD_HELP = _("At least 10 characters. A sentence is a good password.")
CURRENCIES = [("CNY", "CNY 人民币"), ("EUR", "EUR"), ("USD", "USD")]
KINDS = [
    (OrganisationKind.SUPPLIER, _("I make: we have machines with idle hours")),
    (OrganisationKind.BUYER, _("I buy: we need parts made")),
    (OrganisationKind.LENDER, _("I lend: we finance manufacturers")),
]


class SignInForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput({"autocomplete": "username"})
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        person = authenticate(
            username=cleaned["email"].strip().lower(), password=cleaned["password"]
        )
        if person is None:
            raise forms.ValidationError(
                _("E-mail and password do not match. Check both; the password is case-sensitive.")
            )
        self.person = person
        return cleaned


class SignUpForm(forms.Form):
    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput({"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("Work e-mail"), widget=forms.EmailInput({"autocomplete": "username"})
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=PASSWORD_HELP,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        person = Person(
            email=self.cleaned_data.get("email", ""), name=self.cleaned_data.get("name", "")
        )
        validate_password(password, person)
        return password


class PasswordForgottenForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput({"autocomplete": "username"})
    )


class NewPasswordForm(django_forms.SetPasswordForm):
    error_messages = {
        "password_mismatch": _("This differs from the new password above. Type both again."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].label = _("New password")
        self.fields["new_password1"].help_text = PASSWORD_HELP
        self.fields["new_password2"].label = _("New password, again")
        self.fields["new_password2"].help_text = ""


class PasswordChangeForm(NewPasswordForm, django_forms.PasswordChangeForm):
    error_messages = NewPasswordForm.error_messages | {
        "password_incorrect": _("This is not your present password. It is case-sensitive."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("Present password")


class OrganisationForm(forms.ModelForm):
    kinds = forms.MultipleChoiceField(
        label=_("What do you do here?"), choices=KINDS, widget=forms.CheckboxSelectMultiple
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=ZONES, initial="Asia/Shanghai")
    currency = forms.ChoiceField(label=_("Currency"), choices=CURRENCIES)

    class Meta:
        model = Organisation
        fields = ["kinds", "name", "name_zh", "city", "time_zone", "currency"]


class OrganisationSettingsForm(OrganisationForm):
    kinds = None

    class Meta(OrganisationForm.Meta):
        fields = ["name", "name_zh", "city", "time_zone"]

    currency = None


class AccountForm(forms.ModelForm):
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=ZONES)

    class Meta:
        model = Person
        fields = ["name", "language", "time_zone"]


class InviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail"))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.MANAGER)


class MemberForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    is_active = forms.BooleanField(label=_("Is a member"), required=False)


class KeyForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("What will use it, for example “ERP”.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("May"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    expires_on = forms.DateField(
        label=_("Expires on"), required=False, widget=forms.DateInput({"type": "date"})
    )
