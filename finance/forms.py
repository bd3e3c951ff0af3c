"""Forms about money and loans. Amounts are typed in major units and kept in minor ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from evidence.models.consents import ReportScope
from evidence.services.consents import DEFAULT, LONGEST
from finance.lending.models import Loan, LoanProduct
from finance.lending.services import OfferTerms
from tenants.core.money import decimals_of
from tenants.models import Organisation, OrganisationKind

WHOLE = Decimal(100)
LARGEST = Decimal(10) ** 11


def _percent(share: Decimal) -> str:
    """Write a share in percent as a person types it: 50, not 5E+1, and 6.5, not 6.500000."""
    return f"{(share * WHOLE).normalize():f}"


class MoneyField(forms.DecimalField):
    """An amount of one currency; its clean value is an integer of minor units."""

    def __init__(self, *, currency: str = "CNY", allow_zero: bool = False, **kwargs: Any) -> None:
        self.places = decimals_of(currency)
        least = Decimal(0) if allow_zero else Decimal(1).scaleb(-self.places)
        super().__init__(min_value=least, max_value=LARGEST, decimal_places=self.places, **kwargs)

    def clean(self, value: Any) -> int | None:
        amount = super().clean(value)
        return None if amount is None else int(amount.scaleb(self.places))

    def prepare_value(self, value: Any) -> Any:
        return Decimal(value).scaleb(-self.places) if isinstance(value, int) else value


class PercentField(forms.DecimalField):
    """A share of one, typed in percent; its clean value is the share."""

    def clean(self, value: Any) -> Decimal | None:
        percent = super().clean(value)
        return None if percent is None else percent / WHOLE


class ProofForm(forms.Form):
    proof = forms.CharField(
        label=_("Bank reference of your transfer"),
        max_length=120,
        help_text=_("The number that your bank gave the transfer. We look for it on our account."),
    )


class ReturnForm(forms.Form):
    reason = forms.CharField(
        label=_("What the buyer should do"),
        max_length=300,
        help_text=_("The buyer reads this sentence and may send proof again."),
    )


class SentForm(forms.Form):
    """The bank's reference of a transfer that the operator has made."""

    reference = forms.CharField(label=_("Bank reference"), max_length=120)


class PayForm(SentForm):
    through = forms.UUIDField(widget=forms.HiddenInput)
    currency = forms.CharField(max_length=3, widget=forms.HiddenInput)
    amount_minor = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class ProductForm(forms.ModelForm):
    """What a lender offers; rate and share are typed in percent."""

    annual_rate = PercentField(
        label=_("Annual rate, %"),
        min_value=0,
        max_value=100,
        decimal_places=3,
        help_text=_("Simple interest over the whole term, actual/365."),
    )
    share_of_release = PercentField(
        label=_("Share of each release that repays, %"),
        min_value=1,
        max_value=100,
        decimal_places=1,
        help_text=_("Taken after the platform's commission, until the loan is repaid."),
    )
    term_days = forms.IntegerField(label=_("Term, days"), min_value=1, max_value=1825)

    class Meta:
        model = LoanProduct
        fields = ("name", "name_zh", "annual_rate", "term_days", "share_of_release", "is_open")
        labels = {"is_open": _("Takes applications")}

    field_order = (
        "name",
        "name_zh",
        "minimum_minor",
        "maximum_minor",
        "annual_rate",
        "term_days",
        "share_of_release",
        "is_open",
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        product = kwargs.get("instance")
        initial = {**kwargs.pop("initial", {})}
        if product is not None and product.pk:
            initial |= {
                "annual_rate": _percent(product.annual_rate),
                "share_of_release": _percent(product.share_of_release),
                "minimum_minor": product.minimum_minor,
                "maximum_minor": product.maximum_minor,
            }
        super().__init__(*args, initial=initial, **kwargs)
        self.currency = currency
        self.fields["minimum_minor"] = MoneyField(
            label=_("Least amount, %(currency)s") % {"currency": currency}, currency=currency
        )
        self.fields["maximum_minor"] = MoneyField(
            label=_("Most, %(currency)s") % {"currency": currency}, currency=currency
        )
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        least, most = cleaned.get("minimum_minor"), cleaned.get("maximum_minor")
        if least and most and most < least:
            self.add_error("maximum_minor", _("The most is less than the least."))
        return cleaned

    def product(self) -> LoanProduct:
        """Return the product as it was typed in, not saved."""
        product = self.instance
        product.currency = self.currency
        product.minimum_minor = self.cleaned_data["minimum_minor"]
        product.maximum_minor = self.cleaned_data["maximum_minor"]
        return product


class ApplyForm(forms.Form):
    purpose = forms.CharField(
        label=_("What it is for"),
        max_length=300,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("The lender reads this. Name the order or the machine it is for."),
    )

    field_order = ("amount_minor", "purpose")

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount_minor"] = MoneyField(
            label=_("Amount, %(currency)s") % {"currency": currency}, currency=currency
        )
        self.order_fields(self.field_order)


class OfferForm(forms.Form):
    """What a lender offers on an application."""

    annual_rate = PercentField(
        label=_("Annual rate, %"), min_value=0, max_value=100, decimal_places=3
    )
    term_days = forms.IntegerField(label=_("Term, days"), min_value=1, max_value=1825)
    share_of_release = PercentField(
        label=_("Share of each release that repays, %"),
        min_value=1,
        max_value=100,
        decimal_places=1,
    )

    field_order = ("principal_minor", "annual_rate", "fee_minor", "term_days", "share_of_release")

    def __init__(self, *args: Any, loan: Loan, **kwargs: Any) -> None:
        initial = {
            "principal_minor": loan.asked_minor,
            "fee_minor": 0,
            "annual_rate": _percent(loan.annual_rate),
            "term_days": loan.term_days,
            "share_of_release": _percent(loan.share_of_release),
        }
        super().__init__(*args, initial=initial, **kwargs)
        currency = {"currency": loan.currency}
        self.fields["principal_minor"] = MoneyField(
            label=_("Amount, %(currency)s") % currency, currency=loan.currency
        )
        self.fields["fee_minor"] = MoneyField(
            label=_("Fee, %(currency)s") % currency, currency=loan.currency, allow_zero=True
        )
        self.order_fields(self.field_order)

    def terms(self) -> OfferTerms:
        return OfferTerms(**self.cleaned_data)


class RejectForm(forms.Form):
    reasons = forms.CharField(
        label=_("Reasons"),
        max_length=300,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("The supplier reads them: say what would change your decision."),
    )


class DisburseForm(forms.Form):
    reference = forms.CharField(
        label=_("Bank reference"),
        max_length=120,
        help_text=_("Of the transfer that you have made to the supplier."),
    )


class AskForm(forms.Form):
    """A lender's request for a look: which firm, what, until when."""

    supplier = forms.CharField(
        label=_("Supplier"),
        max_length=160,
        help_text=_("The name as in the directory. It decides; you read nothing before."),
    )
    scope = forms.MultipleChoiceField(
        label=_("What you would read"),
        choices=ReportScope.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.IntegerField(
        label=_("For how many days"), min_value=1, max_value=LONGEST.days, initial=DEFAULT.days
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, initial={"scope": [*ReportScope]}, **kwargs)
        self.now = now

    def clean_supplier(self) -> Organisation:
        name = self.cleaned_data["supplier"].strip()
        named = Q(name__iexact=name) | Q(name_zh=name)
        found = list(
            Organisation.objects.filter(named, kinds__contains=[OrganisationKind.SUPPLIER])[:2]
        )
        if len(found) != 1:
            raise forms.ValidationError(
                _("Several suppliers have this name. Ask the one you mean to grant you a look.")
                if found
                else _("No supplier of this name is in the directory. Write the whole name.")
            )
        return found[0]

    def valid_until(self) -> datetime:
        return self.now + timedelta(days=self.cleaned_data["days"])
