"""Pages of suppliers and lenders about loans and reports."""

from django.urls import URLPattern, URLResolver, path

from finance.views import lender, loans

urlpatterns: list[URLPattern | URLResolver] = [
    path("supplier/loans/", loans.loans, name="loans"),
    path("supplier/loans/apply/<uuid:uid>/", loans.loan_apply, name="loan_apply"),
    path("supplier/loans/<uuid:uid>/", loans.loan, name="loan"),
    path("supplier/loans/<uuid:uid>/accept/", loans.loan_accept, name="loan_accept"),
    path("supplier/loans/<uuid:uid>/withdraw/", loans.loan_withdraw, name="loan_withdraw"),
    path("lender/", lender.lender_home, name="lender_home"),
    path("lender/reports/", lender.lender_reports, name="lender_reports"),
    path("lender/reports/ask/", lender.lender_ask, name="lender_ask"),
    path("lender/reports/<uuid:uid>/", lender.lender_report, name="lender_report"),
    path("lender/loans/", lender.lender_loans, name="lender_loans"),
    path("lender/loans/<uuid:uid>/", lender.lender_loan, name="lender_loan"),
    path("lender/loans/<uuid:uid>/offer/", lender.loan_offer, name="loan_offer"),
    path("lender/loans/<uuid:uid>/reject/", lender.loan_reject, name="loan_reject"),
    path("lender/loans/<uuid:uid>/disburse/", lender.loan_disburse, name="loan_disburse"),
    path("lender/product/", lender.lender_product, name="lender_product"),
    path("lender/product/save/", lender.lender_product_save, name="lender_product_save"),
]
