"""The database holds double entry: each attack on the books is refused with its own reason."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance.ledger.models import Account, AccountCode, Entry, Transaction
from finance.ledger.selectors import balance_of, book_totals, order_money
from finance.ledger.services import KeyReused, Overdrawn, Unbalanced, post
from tenants.acting import PLATFORM_ID, acting_as
from tests.factories import NOW, make_organisation, rows_seen_by
from tests.finance.books import ORDER, book, fund, leg, pot_of, raw_post, scalar

pytestmark = [pytest.mark.django_db, pytest.mark.external]


def sqlstate(error: pytest.ExceptionInfo[BaseException]) -> str:
    return error.value.__cause__.sqlstate


@pytest.fixture
def buyer() -> int:
    return make_organisation(kinds=["buyer"]).pk


@pytest.fixture
def supplier() -> int:
    return make_organisation(kinds=["supplier"]).pk


def release_legs(buyer: int, supplier: int, amount: int) -> list:
    return [leg(buyer, "held", amount, subject=ORDER), leg(supplier, "payable", -amount)]


def refused_at_commit(legs: list) -> pytest.ExceptionInfo[IntegrityError]:
    def post_and_check() -> None:
        raw_post(legs)
        with connection.cursor() as cursor:
            cursor.execute("set constraints all immediate")

    with pytest.raises(IntegrityError) as error, acting_as(PLATFORM_ID):
        post_and_check()
    return error


def test_an_unbalanced_posting_is_refused_by_the_database(buyer: int) -> None:
    legs = [leg(1, "bank", 100), leg(buyer, "held", -99, subject=ORDER)]
    assert sqlstate(refused_at_commit(legs)) == "23514"


def test_an_unbalanced_posting_is_our_own_mistake_first(buyer: int) -> None:
    with pytest.raises(Unbalanced):
        book("k", [leg(1, "bank", 100), leg(buyer, "held", -99, subject=ORDER)])


def test_currencies_balance_each_by_itself(buyer: int) -> None:
    legs = [leg(1, "bank", 100, "CNY"), leg(1, "commission", -100, "EUR")]
    assert sqlstate(refused_at_commit(legs)) == "23514"


@pytest.mark.parametrize("legs", [[], [leg(1, "bank", 0)], [leg(1, "bank", 5), leg(1, "bank", -5)]])
def test_a_posting_without_entries_is_refused(legs: list) -> None:
    assert sqlstate(refused_at_commit(legs)) == "23514"


def test_a_single_leg_is_refused() -> None:
    assert sqlstate(refused_at_commit([leg(1, "bank", 5)])) == "23514"


@pytest.mark.parametrize(
    ("code", "subject"),
    [("held", ORDER), ("payable", None), ("loan_clearing", None), ("refund_due", None)],
)
def test_no_account_of_others_is_overdrawn(buyer: int, code: str, subject: UUID | None) -> None:
    book("in", [leg(1, "bank", 100), leg(buyer, code, -100, subject=subject)])
    with pytest.raises(Overdrawn):
        book("out", [leg(buyer, code, 101, subject=subject), leg(1, "bank", -101)])
    assert scalar("select count(*) from finance_transaction") == 1
    assert scalar("select balance_minor from finance_account where code = %s", [code]) == -100


def test_one_orders_money_never_pays_for_another(buyer: int, supplier: int) -> None:
    fund(buyer, 100)
    fund(buyer, 50, order=UUID(int=78))
    with pytest.raises(Overdrawn):
        book("r", release_legs(buyer, supplier, 101))


def test_the_bank_account_never_goes_below_nothing(buyer: int) -> None:
    with pytest.raises(Overdrawn):
        book("out", [leg(1, "commission", 5), leg(1, "bank", -5)])


@pytest.mark.parametrize(
    "wrong",
    [
        leg(1, "holding", -5),
        leg(1, "held", -5),
        leg(1000, "bank", -5),
        leg(1000, "commission", -5),
        leg(1000, "held", -5),
        leg(1000, "payable", -5, subject=ORDER),
        leg(1000, "payable", -5, "cny"),
    ],
)
def test_an_account_that_makes_no_sense_is_refused(wrong) -> None:
    owner = make_organisation().pk
    wrong = leg(
        owner if wrong.tenant_id == 1000 else 1,
        wrong.code,
        wrong.amount_minor,
        wrong.currency,
        wrong.subject_uid,
    )
    with pytest.raises(IntegrityError) as error, acting_as(PLATFORM_ID):
        raw_post([leg(1, "bank", 5, wrong.currency), wrong])
    assert sqlstate(error) == "23514"


def run_as(alias: str, statement: str) -> None:
    """Run a statement as the platform; one that meets no row is refused here."""
    with acting_as(PLATFORM_ID, using=alias), connections[alias].cursor() as cursor:
        cursor.execute(statement)
        if cursor.rowcount == 0:
            raise DatabaseError("row security shows nothing") from NoRow()


class NoRow(Exception):
    sqlstate = "no row"


@pytest.mark.parametrize("table", ["finance_entry", "finance_transaction"])
@pytest.mark.parametrize("role", ["default", "owner"])
@pytest.mark.parametrize(
    "statement", ["update {} set memo = 'x'", "delete from {}", "truncate {} cascade"]
)
@pytest.mark.django_db(databases=["default", "owner"], transaction=True)
def test_nothing_is_updated_deleted_or_truncated(
    buyer: int, table: str, role: str, statement: str
) -> None:
    fund(buyer, 100)
    with pytest.raises(DatabaseError) as error:
        run_as(role, statement.format(table))
    assert sqlstate(error) in ("42501", "no row")
    assert scalar("select count(*) from finance_entry where memo = ''") == 2


@pytest.mark.parametrize("table", ["finance_entry", "finance_transaction", "finance_account"])
@pytest.mark.parametrize(
    "statement",
    ["insert into {0} select * from {0}", "update {} set tenant_id = tenant_id", "delete from {}"],
)
def test_the_site_writes_no_row_of_the_books_itself(buyer: int, table: str, statement: str) -> None:
    fund(buyer, 100)
    with pytest.raises(DatabaseError) as error:
        run_as("default", statement.format(table))
    assert sqlstate(error) == "42501"


def test_a_key_books_once(buyer: int) -> None:
    legs = [leg(1, "bank", 100), leg(buyer, "held", -100, subject=ORDER)]
    assert book("k", legs) is not None
    assert book("k", legs) is None
    assert book("k", [*reversed(legs)]) is None
    assert scalar("select count(*) from finance_entry") == 2


def test_a_key_that_booked_something_else_is_refused(buyer: int) -> None:
    book("k", [leg(1, "bank", 100), leg(buyer, "held", -100, subject=ORDER)])
    for other in (
        [leg(1, "bank", 101), leg(buyer, "held", -101, subject=ORDER)],
        [leg(1, "bank", 100), leg(buyer, "payable", -100)],
        [leg(1, "bank", 100), leg(buyer, "held", -100, subject=UUID(int=3))],
    ):
        with pytest.raises(KeyReused):
            book("k", other)


def test_legs_on_one_account_become_one_entry(buyer: int) -> None:
    book(
        "k",
        [
            leg(1, "bank", 60),
            leg(1, "bank", 40),
            leg(buyer, "held", -70, subject=ORDER),
            leg(buyer, "held", -30, subject=ORDER),
        ],
    )
    assert scalar("select count(*) from finance_entry") == 2
    assert scalar("select sum(abs(amount_minor)) from finance_entry") == 200


@pytest.mark.parametrize("tenant", [0, 2])
def test_only_the_platform_posts(buyer: int, tenant: int) -> None:
    with pytest.raises(DatabaseError) as error, acting_as(buyer if tenant else 0):
        raw_post([leg(1, "bank", 100), leg(buyer, "held", -100, subject=ORDER)])
    assert sqlstate(error) == "42501"


def test_a_table_of_the_session_never_stands_in_for_the_books(buyer: int) -> None:
    """Where the database lets the role make temporary tables, the door does not look at them."""
    with acting_as(PLATFORM_ID):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "create temp table finance_entry (like finance_entry) on commit drop"
                )
        except DatabaseError:
            pytest.skip("the role may not make temporary tables here")
        raw_post([leg(1, "bank", 100), leg(buyer, "held", -100, subject=ORDER)])
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from public.finance_entry")
            assert cursor.fetchone()[0] == 2


def test_each_organisation_sees_its_own_entries_and_the_platform_all(
    buyer: int, supplier: int
) -> None:
    fund(buyer, 100)
    book("r", release_legs(buyer, supplier, 60))
    stranger = make_organisation().pk
    seen = {one: rows_seen_by(one, "finance_entry") for one in (buyer, supplier, stranger, 1)}
    assert seen == {buyer: 2, supplier: 1, stranger: 0, 1: 4}
    assert rows_seen_by(supplier, "finance_transaction") == 0
    with acting_as(supplier):
        assert balance_of(tenant_id=supplier, code=AccountCode.PAYABLE, currency="CNY") == 60


def test_an_orders_money_adds_up(buyer: int, supplier: int) -> None:
    fund(buyer, 1000)
    book(
        "r",
        [
            *release_legs(buyer, supplier, 570),
            leg(buyer, "held", 30, subject=ORDER),
            leg(1, "commission", -30),
        ],
    )
    with acting_as(PLATFORM_ID):
        money = order_money(platform_id=1, order_uid=ORDER)
    assert money is not None
    assert money.adds_up
    assert (money.funded_minor, money.held_minor, money.released_minor, money.fees_minor) == (
        1000,
        400,
        570,
        30,
    )


def test_the_totals_tell_when_the_books_balance(buyer: int, supplier: int) -> None:
    fund(buyer, 100)
    fund(buyer, 7, order=UUID(int=78), currency="EUR")
    book("r", release_legs(buyer, supplier, 60))
    with acting_as(PLATFORM_ID):
        cny, eur = book_totals(platform_id=1)
    assert (cny.currency, cny.bank_minor, cny.held_minor, cny.payable_minor) == ("CNY", 100, 40, 60)
    assert (eur.currency, eur.owed_minor, eur.balances) == ("EUR", 7, True)
    assert cny.balances
    assert cny.owed_minor == 100


MOVES = st.lists(
    st.tuples(st.sampled_from(["fund", "release", "refund", "send"]), st.integers(1, 500)),
    max_size=12,
)


@given(MOVES)
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_is_booked_the_books_balance(
    buyer: int, supplier: int, moves: list[tuple[str, int]]
) -> None:
    """Random journeys, each step twice: balances are the sum of entries, nothing is overdrawn."""
    steps = {
        "fund": lambda n: [leg(1, "bank", n), leg(buyer, "held", -n, subject=ORDER)],
        "release": lambda n: release_legs(buyer, supplier, n),
        "refund": lambda n: [leg(buyer, "held", n, subject=ORDER), leg(buyer, "refund_due", -n)],
        "send": lambda n: [leg(supplier, "payable", n), leg(1, "bank", -n)],
    }
    kept = 0
    with transaction.atomic():
        for number, (kind, amount) in enumerate(moves):
            for _twice in range(2):
                try:
                    kept += book(f"{number}", steps[kind](amount)) is not None
                except Overdrawn:
                    continue
        with acting_as(PLATFORM_ID):
            assert Transaction.objects.count() == kept
            assert all(total.balances for total in book_totals(platform_id=1))
            for account in Account.objects.all():
                entries = Entry.objects.filter(account=account)
                assert account.balance_minor == sum(entry.amount_minor for entry in entries)
                assert not (account.never_debit and account.balance_minor > 0)
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_parallel_posters_do_not_deadlock(buyer: int) -> None:
    """Eight connections post to the same accounts in every order; all are booked."""
    suppliers = [make_organisation().pk for _each in range(4)]
    fund(buyer, 100_000)
    barrier, faults = threading.Barrier(8), []

    def work(worker: int) -> None:
        try:
            barrier.wait()
            for number in range(6):
                order = suppliers[worker % 4 :] + suppliers[: worker % 4]
                if worker % 2:
                    order.reverse()
                legs = [leg(buyer, "held", 4, subject=ORDER)]
                legs += [leg(one, "payable", -1) for one in order]
                book(f"{worker}:{number}", legs)
                book("shared", [leg(buyer, "held", 4, subject=ORDER), *legs[1:]])
        except Exception as fault:
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert scalar("select count(*) from finance_transaction") == 1 + 48 + 1
    with acting_as(PLATFORM_ID):
        (totals,) = book_totals(platform_id=1)
    assert totals.balances
    assert totals.payable_minor == 49 * 4


def test_posting_says_what_is_missing(buyer: int) -> None:
    with pytest.raises(Overdrawn) as refusal, acting_as(PLATFORM_ID):
        post(
            key="k",
            kind="test",
            subject_uid=ORDER,
            legs=[leg(buyer, "held", 5, subject=ORDER), leg(1, "bank", -5)],
            memo="",
            at=NOW,
        )
    assert str(refusal.value) == "There is not enough money on the account for this."
    assert pot_of(buyer).buyer_id == buyer
