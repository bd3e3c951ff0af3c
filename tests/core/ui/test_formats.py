"""Money, numbers and times in the two languages we write."""

from datetime import UTC, date, datetime, timedelta

import pytest
from babel.numbers import get_currency_precision
from django.template import Context, Template
from django.utils import translation

from tenants.core.money import decimals_of
from tenants.forms import CURRENCIES
from tenants.templatetags import formats

NOW = datetime(2026, 11, 18, 1, 57, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "amount", "currency", "text"),
    [
        ("en", 128450050, "CNY", "CN¥1,284,500.50"),
        ("zh-hans", 128450050, "CNY", "¥1,284,500.50"),
        ("en", -1250, "USD", "-$12.50"),
        ("en", 1250, "JPY", "¥1,250"),
        ("en", None, "CNY", "–"),
    ],
)
def test_money_is_written_from_minor_units(
    language: str, amount: int | None, currency: str, text: str
) -> None:
    with translation.override(language):
        assert formats.money(amount, currency) == text


def test_what_is_shown_has_the_decimals_that_are_kept() -> None:
    for currency, _label in CURRENCIES:
        assert decimals_of(currency) == get_currency_precision(currency), currency


def test_compact_money_follows_the_language() -> None:
    with translation.override("zh-hans"):
        assert formats.money_compact(128450050, "CNY") == "¥128.5万"
        assert formats.money_compact(202298, "CNY") == "¥2,023"
    with translation.override("en"):
        assert formats.money_compact(128450050, "CNY") == "CN¥1.3M"
        assert formats.money_compact(0, "CNY") == "CN¥0"


def test_actors_are_named_in_the_readers_language() -> None:
    with translation.override("zh-hans"):
        assert [formats.acted_by(name) for name in ("system", "API key ERP", "Li Wei", "")] == [
            *("系统", "API 密钥 ERP", "Li Wei", "")
        ]


@pytest.mark.parametrize(
    ("minutes", "text"), [(45, "45 min"), (90, "1.5 h"), (20 * 60, "20 h"), (14 * 24 * 60, "14 d")]
)
def test_a_duration_takes_the_unit_that_reads_best(minutes: int, text: str) -> None:
    with translation.override("en"):
        assert formats.duration(minutes) == text


def test_an_instant_is_shown_in_the_named_zone() -> None:
    with translation.override("en"):
        shown = formats.when(Context({"now": NOW}), NOW, "Asia/Shanghai")
    assert shown == (
        '<time datetime="2026-11-18T01:57:00+00:00" '
        'title="18 Nov 2026 09:57 · China Standard Time">18 Nov 09:57</time>'
    )


def test_relative_time_is_told_from_the_site_clock() -> None:
    page = Template("{% load ui %}{% ago moment %}")
    context = Context(
        {"moment": NOW + timedelta(hours=3), "site_clock": {"now": NOW, "rate": 2880}}
    )
    with translation.override("en"):
        assert "in 3 hours" in page.render(context)


def test_a_date_has_no_zone() -> None:
    with translation.override("zh-hans"):
        assert ">2026年11月20日<" in formats.day(date(2026, 11, 20))


def test_a_chinese_name_is_shown_in_chinese_only() -> None:
    class Named:
        name = "Suzhou Precision"
        name_zh = "苏州精密"

    with translation.override("zh-hans"):
        assert formats.local_name(Named()) == "苏州精密"
    with translation.override("en"):
        assert formats.local_name(Named()) == "Suzhou Precision"
    assert formats.initials(Named()) == "SP"
