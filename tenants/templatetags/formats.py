"""Write money, numbers, dates and spans of time in the reader's language."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from datetime import timezone as fixed_timezone
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta, get_timezone_name
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
)
from django import template
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from tenants.actors import KEY_MARK, SYSTEM
from tenants.core.money import to_decimal

register = template.Library()

MISSING = "–"
SHORT_FROM = 10_000
"""Smaller amounts of money are written out in key figures."""
MINUTES_PER_HOUR = 60
HOURS_SHOWN_AS_DAYS = 72
PATTERNS = {
    "minute": ("d MMM HH:mm", "M月d日 HH:mm"),
    "minute_of_year": ("d MMM y HH:mm", "y年M月d日 HH:mm"),
    "day": ("d MMM y", "y年M月d日"),
    "weekday": ("EEE d MMM y", "y年M月d日 EEE"),
    "month": ("MMM y", "y年M月"),
}
"""How moments are written, in English and in Chinese."""
SEATS = {
    "supplier": gettext_lazy("Supplier workspace"),
    "buyer": gettext_lazy("Buyer workspace"),
    "lender": gettext_lazy("Lender desk"),
    "operator": gettext_lazy("Platform desk"),
}


def reader_locale() -> Locale:
    """Return one of the two Babel locales we write in; mixed ones such as en_CN do not exist."""
    chinese = (get_language() or "en").startswith("zh")
    return Locale.parse("zh_Hans_CN" if chinese else "en")


def _pattern(name: str) -> str:
    """Return the named pattern in the reader's language."""
    english, chinese = PATTERNS[name]
    return chinese if reader_locale().language == "zh" else english


def page_now(context: Context) -> datetime:
    """Return the page's `now`: the site clock's when it runs, else the wall's."""
    clock = context.get("site_clock")
    stated = context.get("now") or (clock and getattr(clock, "now", None))
    if stated is None and isinstance(clock, dict):
        stated = clock.get("now")
    return stated if isinstance(stated, datetime) else timezone.now()


@register.filter
def money(amount_minor: int | None, currency: str = "CNY") -> str:
    """Write integer minor units as money: `{{ order.total_minor|money:order.currency }}`."""
    if amount_minor is None:
        return MISSING
    amount = to_decimal(amount_minor, currency)
    return format_currency(amount, currency, locale=reader_locale())


@register.filter
def money_compact(amount_minor: int | None, currency: str = "CNY") -> str:
    """Write money short, for key figures only: `{{ total_minor|money_compact:"CNY" }}`."""
    if amount_minor is None:
        return MISSING
    amount = to_decimal(amount_minor, currency)
    if abs(amount) < SHORT_FROM:
        whole = amount.quantize(Decimal(1), ROUND_HALF_UP)
        return format_currency(
            whole, currency, "¤#,##0", locale=reader_locale(), currency_digits=False
        )
    return format_compact_currency(amount, currency, locale=reader_locale(), fraction_digits=1)


@register.filter
def number(value: float | Decimal | None, digits: int = 0) -> str:
    """Write a number with grouping and at most `digits` decimals: `{{ good|number }}`."""
    if value is None:
        return MISSING
    pattern = "#,##0." + "#" * digits if digits else "#,##0"
    return format_decimal(value, format=pattern, locale=reader_locale())


@register.filter
def number_compact(value: float | Decimal | None) -> str:
    """Write a large number short, for key figures only: `{{ 4700000|number_compact }}`."""
    if value is None:
        return MISSING
    return format_compact_decimal(value, locale=reader_locale(), fraction_digits=1)


@register.filter
def percent(share: float | Decimal | None, digits: int = 0) -> str:
    """Write a share of one as a percentage: `{{ 0.714|percent:1 }}`."""
    if share is None:
        return MISSING
    pattern = "0." + "0" * digits + "%" if digits else "0%"
    return format_percent(share, format=pattern, locale=reader_locale())


@register.simple_tag
def quantity(value: float | Decimal | None, unit: str = "", digits: int = 0) -> SafeString:
    """Write a number with its unit, kept on one line: `{% quantity 4700000 "pcs" %}`."""
    if not unit:
        return format_html('<span class="qty">{}</span>', number(value, digits))
    return format_html('<span class="qty">{} {}</span>', number(value, digits), unit)


@register.filter
def duration(minutes: float | None) -> str:
    """Write minutes as days, hours or minutes, whichever reads best: `{{ 1590|duration }}`."""
    if minutes is None:
        return MISSING
    whole = round(minutes)
    if whole < MINUTES_PER_HOUR:
        return _("%(count)s min") % {"count": whole}
    hours = minutes / MINUTES_PER_HOUR
    if hours < HOURS_SHOWN_AS_DAYS:
        return _("%(count)s h") % {"count": number(hours, 1)}
    return _("%(count)s d") % {"count": number(hours / 24, 1)}


@register.filter
def machine_hours(minutes: float) -> str:
    """Write machine time in hours however long it is: a day of a machine is not 24 hours."""
    return _("%(count)s h") % {"count": number(minutes / MINUTES_PER_HOUR, 1)}


def _zone(name: str) -> ZoneInfo | fixed_timezone:
    """Return the named zone, or the reader's when no name is given."""
    return ZoneInfo(name) if name else timezone.get_current_timezone()  # type: ignore[return-value]


def clock_text(moment: datetime, now: datetime, *, year: bool | None = None) -> str:
    """Write day and minute of `moment`, already in the zone to show; a year only if another."""
    with_year = moment.year != now.year if year is None else year
    pattern = _pattern("minute_of_year" if with_year else "minute")
    return format_datetime(moment, pattern, tzinfo=moment.tzinfo, locale=reader_locale())


def relative_text(moment: datetime, now: datetime) -> str:
    """Write how far `moment` lies from `now`: "in 3 hours", "2 days ago"."""
    distance = moment - now
    if abs(distance) < timedelta(minutes=1):
        return _("just now")
    return format_timedelta(distance, add_direction=True, locale=reader_locale(), threshold=1.2)


@register.simple_tag(takes_context=True)
def when(
    context: Context, moment: datetime | None, zone: str = "", relative: bool = False
) -> SafeString | str:
    """Show an instant in `zone` (default: the reader's), the zone named on hover.

    `{% when offer.expires_at relative=True %}`, `{% when bar.start zone=site.time_zone %}`
    """
    if moment is None:
        return MISSING
    now = page_now(context)
    local = moment.astimezone(_zone(zone))
    zone_name = get_timezone_name(local, locale=reader_locale(), width="long")
    title = f"{clock_text(local, now, year=True)} · {zone_name}"
    stamp = format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        title,
        clock_text(local, now),
    )
    if not relative:
        return stamp
    return format_html('{} <span class="ago">({})</span>', stamp, relative_text(moment, now))


@register.simple_tag(takes_context=True)
def ago(context: Context, moment: datetime | None, zone: str = "") -> SafeString | str:
    """Show how far an instant lies from now, the instant itself on hover.

    `{% ago reading.at %}`
    """
    if moment is None:
        return MISSING
    now = page_now(context)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        clock_text(moment.astimezone(_zone(zone)), now, year=True),
        relative_text(moment, now),
    )


@register.simple_tag
def day(value: date | None, weekday: bool = False) -> SafeString | str:
    """Show a calendar date, which is no instant and has no zone: `{% day order.due_date %}`."""
    if value is None:
        return MISSING
    text = format_date(value, _pattern("weekday" if weekday else "day"), locale=reader_locale())
    return format_html('<time datetime="{}">{}</time>', f"{value:%Y-%m-%d}", text)


@register.filter
def month(value: date | None) -> str:
    """Write a month and its year: `{{ row.month|month }}`."""
    if value is None:
        return MISSING
    return format_date(value, _pattern("month"), locale=reader_locale())


@register.filter
def weekday_name(number_from_monday: int) -> str:
    """Write a weekday, Monday being 0: `{{ 4|weekday_name }}`."""
    return format_date(date(2024, 1, 1 + number_from_monday), "EEE", locale=reader_locale())


@register.filter
def local_name(named: object) -> str:
    """Return a row's name in the reader's language: `{{ organisation|local_name }}`."""
    chinese = getattr(named, "name_zh", "") if reader_locale().language == "zh" else ""
    return chinese or str(getattr(named, "name", named) or "")


@register.filter
def acted_by(name: str) -> str:
    """Say who acted, as the audit trail names actors: a person, a key, or the site itself."""
    if name == SYSTEM:
        return _("the site")
    key = name.removeprefix(KEY_MARK)
    return name if key == name else _("API key %(name)s") % {"name": key}


@register.filter
def initials(named: object) -> str:
    """Return up to two letters for an avatar: `{{ organisation|initials }}`."""
    words = str(getattr(named, "name", "") or "Openfloor").split()
    return "".join(word[0] for word in words[:2]).upper()


@register.filter
def seat_line(membership: object) -> str:
    """Return the seats that a membership opens: `{{ acting|seat_line }}`."""
    tenant = getattr(membership, "tenant", None)
    seats = [str(SEATS[kind]) for kind in getattr(tenant, "kinds", []) if kind in SEATS]
    return " · ".join(seats)


@register.filter
def split_words(text: str) -> list[str]:
    """Return the words of a text, to loop over: `{% for code in "a b"|split_words %}`."""
    return text.split()
