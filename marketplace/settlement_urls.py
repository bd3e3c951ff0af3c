"""Pages of money and credit: the buyer's payments, the operator's desk, the supplier's profile."""

from django.urls import URLPattern, URLResolver, path

from marketplace.views import credit, money, payments, statements

urlpatterns: list[URLPattern | URLResolver] = [
    path("buyer/payments/", payments.payments, name="payments"),
    path("buyer/payments/<uuid:uid>/", payments.payment, name="payment"),
    path("buyer/payments/<uuid:uid>/proof/", payments.payment_proof, name="payment_proof"),
    path("supplier/statements/", statements.statements, name="statements"),
    path("supplier/statements/<uuid:uid>/", statements.statement, name="statement"),
    path("supplier/credit/", credit.credit_profile, name="credit_profile"),
    path("supplier/credit/refresh/", credit.credit_refresh, name="credit_refresh"),
    path("supplier/consents/", credit.consents, name="consents"),
    path("supplier/consents/grant/", credit.consent_grant, name="consent_grant"),
    path("supplier/consents/<uuid:uid>/revoke/", credit.consent_revoke, name="consent_revoke"),
    path("supplier/consents/<uuid:uid>/decline/", credit.consent_decline, name="consent_decline"),
    path("operator/money/", money.money, name="money"),
    path("operator/money/payments/", money.fundings_list, name="fundings"),
    path("operator/money/payments/<uuid:uid>/", money.funding, name="funding"),
    path(
        "operator/money/payments/<uuid:uid>/confirm/", money.funding_confirm, name="funding_confirm"
    ),
    path("operator/money/payments/<uuid:uid>/return/", money.funding_return, name="funding_return"),
    path("operator/money/suppliers/<uuid:uid>/pay/", money.payout_pay, name="payout_pay"),
    path("operator/money/remittances/<uuid:uid>/pay/", money.remittance_pay, name="remittance_pay"),
    path("operator/ledger/", money.ledger, name="ledger"),
]
