"""The tables of all finance rooms, in one place for Django."""

from finance.billing.models import Payout
from finance.credit.models import CreditReport
from finance.ledger.models import Account, Entry, Transaction
from finance.lending.models import Loan, LoanProduct, LoanState, Repayment, RepaymentInstruction

__all__ = [
    "Account",
    "CreditReport",
    "Entry",
    "Loan",
    "LoanProduct",
    "LoanState",
    "Payout",
    "Repayment",
    "RepaymentInstruction",
    "Transaction",
]
