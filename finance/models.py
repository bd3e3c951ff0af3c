"""The tables of all finance rooms, in one place for Django."""

from finance.billing.models import Payout, Remittance, RemittanceKind
from finance.credit.models import CreditReport
from finance.ledger.models import Account, AccountCode, Entry, Transaction
from finance.lending.models import Loan, LoanProduct, LoanState, Repayment, RepaymentInstruction

__all__ = [
    "Account",
    "AccountCode",
    "CreditReport",
    "Entry",
    "Loan",
    "LoanProduct",
    "LoanState",
    "Payout",
    "Remittance",
    "RemittanceKind",
    "Repayment",
    "RepaymentInstruction",
    "Transaction",
]
