"""Say in the reader's language what the market answers: code and values in, a sentence out.

Codes and values are stored and travel; sentences never are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from marketplace.models import Process
from tenants.templatetags.formats import clock_text, machine_hours, money, number, percent

SENTENCES: dict[str, Any] = {
    # What is wrong with an order (marketplace.core.asked).
    "no_title": _("Give the order a title that a factory will understand."),
    "quantity_not_positive": _("%(quantity)s pieces cannot be made: ask for at least 1."),
    "quantity_too_large": _(
        "%(quantity)s pieces are more than one order may hold: ask for at most %(most)s, "
        "or post several orders."
    ),
    "due_before_start": _("The due date is not after the earliest start: move one of them."),
    "date_out_of_reach": _("This date is more than ten years away: check the year."),
    "due_past": _("The due date %(due_at)s is past: give a later one."),
    "ceiling_not_positive": _(
        "A price ceiling must be more than zero: leave it empty for no ceiling."
    ),
    "ceiling_too_large": _("This price ceiling is too large: check the number of zeros."),
    "lot_size_out_of_range": _("Give a lot size from 1 to %(most)s, or leave it empty."),
    "currency": _("“%(currency)s” is not a currency: use three letters, such as CNY."),
    "place_out_of_range": _("The place of delivery is off the map: check its two coordinates."),
    "no_steps": _("The order has no step: add at least one process to its routing."),
    "too_many_steps": _("%(steps)s steps are too many: keep the routing to %(most)s."),
    "unknown_process": _(
        "Step %(step)s: “%(process)s” is not in the catalogue: choose a process from the list."
    ),
    "unknown_attribute": _(
        "Step %(step)s: %(process)s has no attribute “%(attribute)s”: take it away."
    ),
    "attribute_not_a_word": _("Step %(step)s: give “%(attribute)s” as a word."),
    "attribute_not_a_number": _("Step %(step)s: give “%(attribute)s” as a number."),
    "attribute_not_positive": _(
        "Step %(step)s: %(asked)s is out of range for “%(attribute)s”: give more than 0."
    ),
    # Why nothing can be planned, and what would mend it (marketplace.core.fitting, planning).
    "no_listing": _(
        "No factory offers %(process)s at the moment (step %(step)s). "
        "Try again later, or route the step another way."
    ),
    "no_fit": _(
        "No machine can do step %(step)s as asked. The nearest is %(machine)s of %(supplier)s: "
        "%(miss)s."
    ),
    "miss_number": pgettext_lazy(
        "nearest miss", "its %(attribute)s goes to %(held)s, you ask for %(asked)s"
    ),
    "miss_word": pgettext_lazy(
        "nearest miss", "its %(attribute)s is %(held)s, you ask for %(asked)s"
    ),
    "miss_attribute": pgettext_lazy(
        "nearest miss", "it does not state its %(attribute)s, you ask for %(asked)s"
    ),
    "miss_currency": pgettext_lazy(
        "nearest miss", "it is priced in %(held)s, your order in %(asked)s"
    ),
    "miss_minimum_lot": pgettext_lazy(
        "nearest miss", "it takes lots of %(held)s or more, you ask for %(asked)s"
    ),
    "miss_windows": pgettext_lazy("nearest miss", "it has no idle time left in this period"),
    "miss_window_short": pgettext_lazy(
        "nearest miss", "its longest idle time is too short for its smallest lot"
    ),
    "miss_excluded": pgettext_lazy("nearest miss", "it declined this share"),
    "no_time_for_step": _(
        "No machine has idle time that suits %(process)s (step %(step)s): "
        "allow more time, a smaller lot size or a smaller quantity."
    ),
    "capacity_short": _(
        "There is not enough idle time on the market for the whole quantity: "
        "allow more time or ask for less."
    ),
    "deadline_too_early": _(
        "Even the fastest machines are not done before %(earliest)s: give a later due date."
    ),
    "ceiling_too_low": _(
        "The order costs at least %(least)s, more than its price ceiling of %(ceiling)s: "
        "raise the ceiling or ask for less."
    ),
    "lots_cannot_add_up": _(
        "%(quantity)s pieces cannot be cut into lots of at most %(lot_size)s when the machines "
        "take lots of %(least)s or more: give a lot size of at least %(enough)s, or leave it empty."
    ),
    "no_place": _(
        "No plan was found, though none is proven impossible: allow more time, "
        "another lot size or a smaller quantity."
    ),
    "order_short": _(
        "From %(from_at)s to %(until_at)s, %(process)s (step %(step)s) is short by about "
        "%(minutes)s of machine time."
    ),
    "order_without_room": _(
        "From %(from_at)s to %(until_at)s the idle time on the market is not enough for "
        "%(process)s (step %(step)s)."
    ),
    "order_tight": _(
        "No plan is done in time. Least room is there for %(process)s (step %(step)s), from "
        "%(from_at)s to %(until_at)s."
    ),
    "share_short": _(
        "From %(from_at)s to %(until_at)s, where the share that came back has its place between "
        "what others have promised, %(process)s (step %(step)s) is short by about %(minutes)s of "
        "machine time."
    ),
    "share_without_room": _(
        "From %(from_at)s to %(until_at)s, where the share that came back has its place between "
        "what others have promised, the idle time of the other factories is not enough for "
        "%(process)s (step %(step)s)."
    ),
    "share_too_dear": _(
        "Others could take over the share that came back, but with their prices the order would "
        "pass its price ceiling of %(ceiling)s."
    ),
    "drill_without_room": _(
        "From %(from_at)s to %(until_at)s the idle time of the other factories is not enough for "
        "%(process)s (step %(step)s)."
    ),
    "drill_short": _(
        "From %(from_at)s to %(until_at)s, %(process)s (step %(step)s) is short by about "
        "%(minutes)s of machine time at the other factories."
    ),
    "drill_too_dear": _(
        "Others could take it over, but with their prices the order would pass its price ceiling "
        "of %(ceiling)s."
    ),
    "miss_stopped": pgettext_lazy(
        "nearest miss", "its factory is the one that stops, or gave a share of this order back"
    ),
    # What is wrong with a buyer's split, or cannot be kept (marketplace.core.steering).
    "wish_nothing": _(
        "Nothing is asked: move some pieces, keep a factory as it is, or leave one out."
    ),
    "wish_place_unknown": _(
        "One of these factories does not do this step of the order: take one from the list."
    ),
    "wish_pinned_and_excluded": _(
        "%(place)s cannot both stay as it is and be left out: take one of the two away."
    ),
    "wish_out_of_range": _(
        "Step %(step)s, %(process)s: %(pieces)s pieces for %(place)s are not between 0 and the "
        "order's %(quantity)s."
    ),
    "wish_twice": _(
        "Step %(step)s, %(process)s: %(place)s is asked for two numbers of pieces: give one."
    ),
    "wish_below_lot": _(
        "Step %(step)s, %(process)s: %(pieces)s pieces are less than the smallest lot of "
        "%(place)s, %(least)s: ask for that many, or for none."
    ),
    "wish_for_excluded": _(
        "Step %(step)s, %(process)s: %(place)s is left out, so it cannot make %(pieces)s pieces."
    ),
    "wish_too_many": _(
        "Step %(step)s, %(process)s: the pieces you fix add up to %(total)s, and the order has "
        "%(quantity)s: take some away, or let a factory go."
    ),
    "wish_place_gone": _(
        "%(place)s has no idle time on the market any more for step %(step)s, %(process)s, where "
        "you ask it for %(pieces)s pieces: ask another factory."
    ),
    "wish_step_empty": _(
        "Step %(step)s, %(process)s: every factory that does it is left out. Let one back in."
    ),
    "wish_unkept": _(
        "Step %(step)s, %(process)s: %(place)s does not have the idle time for the %(pieces)s "
        "pieces that you ask for; in the plan before it makes %(before)s. Ask it for fewer."
    ),
    "wish_clashes": _(
        "Your wishes cannot be kept together. Without the one for %(place)s in step %(step)s, "
        "%(process)s (%(pieces)s pieces, %(before)s in the plan before), there is a plan."
    ),
    "wish_too_few": _(
        "Step %(step)s, %(process)s: the others cannot take over all that you take from "
        "%(place)s (%(pieces)s pieces instead of %(before)s). Leave it more."
    ),
    "plan_moved_on": _(
        "A plan of this order was chosen, or it was planned again, while your split was being "
        "planned."
    ),
    "time_taken": _(
        "Another order took some of this plan's machine time while you were choosing. "
        "Plan again to see what is free now."
    ),
    "solver_failed": _("Planning broke off on our side. Nothing is lost: plan again."),
    "solver_killed": _(
        "Planning was stopped by the machine it ran on. Nothing is lost: plan again."
    ),
    "solver_overran": _(
        "Planning took more memory or time than it may have. "
        "Plan again with a larger lot size, or a smaller quantity."
    ),
}

SENTENCES |= {
    # What a band assumes.
    "assumed_stated_rates": _("Every machine runs at the rate that its owner states."),
    "assumed_learned_rates": _(
        "Machines whose counters have shown how fast they run are reckoned with that rate, the "
        "others with the one that their owner states."
    ),
    "assumed_slow_days": _("Likely dates reckon with the slow days that machines have shown."),
    "assumed_rates_of_plan": _(
        "%(learned)s of its %(machines)s machines are reckoned with what their counters have "
        "shown, the others with what their owner states."
    ),
    "assumed_slow_days_here": _(
        "This plan leaves time for the slow days and long set-ups that machines have shown."
    ),
    "assumed_transport": _(
        "Between factories, and to you, lots take an hour of loading plus the straight line "
        "at 20 km/h."
    ),
    "assumed_answers": _("Every factory that is asked accepts. Nothing is held for you yet."),
    # Why a supplier was taken (scheduling.core.choices).
    "price_rank": _("price number %(rank)s of %(candidates)s"),
    "only_machine": _("the only machine for this step"),
    "same_place": _("saves transport: other steps are made in the same place"),
    "reliability": _("%(permille)s of 1,000 past lots on time"),
    "finish": _("done by %(end)s"),
    # Why a machine was left out.
    "out_dearer": _("machines that cost less were enough"),
    "out_less_reliable": _("more reliable machines were enough"),
    "out_not_needed": _("the chosen machines were enough"),
    "out_excluded_machine": _("it gave a share of this order back"),
    "out_excluded_factory": _("you left it out"),
    "out_min_lot": _("it takes %(min_lot)s pieces at least"),
    "out_no_window": _("it has no idle time left for this order"),
    "out_window_too_short": _("its longest idle time is too short for its smallest lot"),
    "out_too_late": _("it cannot end a lot in time"),
    "out_too_dear": _("with it the order would pass its price ceiling"),
    # Where an order stands, for the buyer's cards.
    "draft": _("Not posted yet"),
    "planning": _("Plans are being made"),
    "no_plan": _("No plan"),
    "plans_ready": _("Plans wait for your choice"),
    "answers_open": _("%(open)s of %(total)s factories have not answered"),
    "share_returned": _("A share came back and is planned again"),
    "share_stuck": _("A returned share has no place"),
    "share_waits": _("A share waits for capacity"),
    "money_asked": _("All shares are accepted; your payment starts production"),
    "money_sent": _("Your transfer is being looked for at the bank"),
    "operations_late": _("%(count)s operations are late"),
    "tight": _("Little time in reserve"),
    "late": _("Expected after the due date"),
    "later_date": _("A later date is proposed"),
    "lots_elsewhere": _("Other factories can keep the date"),
    "to_inspect": _("Everything has arrived: inspect it"),
    "on_time": _("On time"),
    # What to do next.
    "see_why": _("See why"),
    "finish_draft": _("Finish and post"),
    "see_band": _("See the band"),
    "choose_plan": _("Choose a plan"),
    "choose_way": _("Choose how to go on"),
    "decide_date": _("Decide"),
    "follow": _("Follow"),
    "pay": _("Pay"),
    "inspect": _("Inspect"),
}

_MONEY = frozenset({"least", "ceiling"})
_MACHINE_TIME = frozenset({"minutes"})


def sentence(
    message: Mapping[str, Any], *, processes: Mapping[str, object], currency: str = "CNY"
) -> str:
    """Return the sentence of `{"code", "values"}`; process codes are written by their names."""
    code = message.get("code")
    if not code:
        return ""
    values = {
        name: _shown(name, value, processes, currency)
        for name, value in message.get("values", {}).items()
    }
    return str(SENTENCES[code]) % values


def _shown(name: str, value: Any, processes: Mapping[str, object], currency: str) -> str:
    if isinstance(value, Mapping):
        return sentence(value, processes=processes, currency=currency)
    if name == "process":
        return str(processes.get(value, value))
    if name == "attribute":
        return str(_attributes(processes).get(value, value))
    if name in ("asked", "held") and isinstance(value, str):
        words = _choices(processes)
        return ", ".join(words.get(word, word) for word in value.split(", "))
    if isinstance(value, datetime):
        return clock_text(timezone.localtime(value), timezone.now())
    if name.endswith("_at") or name == "earliest":
        return clock_text(timezone.localtime(datetime.fromisoformat(value)), timezone.now())
    if name in _MONEY:
        return money(value, currency)
    if name in _MACHINE_TIME:
        return machine_hours(value)
    if name == "share":
        return percent(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and name != "step":
        return number(value, 2) if abs(value) < 10**15 else f"{value:.3g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _attributes(processes: Mapping[str, object]) -> dict[str, object]:
    """Return the attributes of the catalogue by code; the same code means the same everywhere."""
    return {
        attribute.code: attribute
        for process in processes.values()
        if isinstance(process, Process)
        for attribute in process.attributes.all()
    }


def _choices(processes: Mapping[str, object]) -> dict[str, str]:
    """Return the words of all choices by code, in the reader's language."""
    name = "name_zh" if (get_language() or "").startswith("zh") else "name"
    attributes = _attributes(processes).values()
    return {
        choice["code"]: choice[name]
        for attribute in attributes
        for choice in getattr(attribute, "choices", [])
    }


ACTS: dict[str, Any] = {
    # What happened to an order, by the state it came to.
    "order.draft": _("Written"),
    "posted": _("Posted to the market"),
    "planned": _("Plans were ready"),
    "offered": _("Factories were asked"),
    "order.amended": _("Changed, so that a returned share has its place"),
    "order.waiting": _("A returned share waits for capacity"),
    "order.promise_moved": _("A later date was agreed"),
    "confirmed": _("Every share was accepted"),
    "in_production": _("Paid; production began"),
    "delivered": _("Everything arrived"),
    "accepted": _("Accepted and paid out"),
    "cancelled": _("Cancelled"),
}
