"""Forms of a machine that is down and of a proposal that is dismissed."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.forms.orders import moment_field


class DowntimeForm(forms.Form):
    until_at = moment_field(_("Down until"), _("In the time of the machine's site."))
    reason = forms.CharField(label=_("Reason"), max_length=300, required=False)


class MaterialForm(forms.Form):
    comes_at = moment_field(_("It comes"))


class DismissForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=300)
