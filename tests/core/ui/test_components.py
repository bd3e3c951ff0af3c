"""Components as pages use them: escaping, states, tables, forms, charts."""

import re

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation


def render(source: str, path: str = "/", **values: object) -> str:
    """Render a template text in English with the tag library loaded."""
    request = RequestFactory().get(path)
    with translation.override("en"):
        return Template("{% load ui %}" + source).render(Context({"request": request, **values}))


def test_a_state_is_told_by_colour_shape_and_word() -> None:
    shown = render('{% status "down" %}')
    assert "tone-bad" in shown
    assert "<svg" in shown
    assert "Down" in shown


def test_an_unknown_state_is_shown_neutral_in_its_own_words() -> None:
    assert ">Partly_packed<" not in (shown := render('{% status "partly_packed" %}'))
    assert "Partly packed" in shown
    assert "tone-off" in shown


def test_text_from_outside_is_escaped_in_components_and_charts() -> None:
    evil = "<script>alert(1)</script>"
    source = (
        "{% pill evil %}{% kpi evil evil note=evil %}{% sparkline trace evil %}"
        "{% bars items evil %}{% card title=evil %}{{ evil }}{% endcard %}"
    )
    shown = render(source, evil=evil, trace=[1, 2], items=[{"label": evil, "value": 1}])
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 7


def test_a_sort_link_keeps_the_filter_and_turns_round_on_a_second_use() -> None:
    tag = '{% sort_header "due" "Due" %}'
    assert 'href="?state=late&amp;sort=due"' in render(tag, "/?state=late&page=3")
    shown = render(tag, "/?sort=due")
    assert 'aria-sort="ascending"' in shown
    assert 'href="?sort=-due"' in shown


def test_pages_keep_sort_and_filter() -> None:
    page = Paginator(range(60), 25).get_page(2)
    shown = render("{% pagination page %}", "/?sort=due&page=2", page=page)
    assert "26–50 of 60" in shown
    assert 'href="?sort=due&amp;page=3"' in shown


def test_filter_chips_mark_the_chosen_one() -> None:
    shown = render(
        '{% filter_chips "s" "State" options %}', "/?s=late", options=[("late", "Late", 2)]
    )
    assert (
        '<a class="chip" href="?s=late" aria-current="true">Late<span class="n">2</span></a>'
        in shown
    )


class QuantityForm(forms.Form):
    quantity = forms.IntegerField(min_value=1, help_text="Good pieces")
    note = forms.CharField(required=False)


def test_a_field_ties_help_and_error_to_its_input() -> None:
    shown = render('{% field form.quantity unit="pcs" %}', form=QuantityForm({"quantity": "0"}))
    assert 'aria-invalid="true"' in shown
    assert 'aria-describedby="id_quantity_helptext id_quantity_error"' in shown
    assert 'id="id_quantity_helptext"' in shown
    assert 'id="id_quantity_error"' in shown
    assert "pcs" in shown


def test_the_error_summary_links_to_the_field_and_takes_focus() -> None:
    shown = render("{% error_summary form %}", form=QuantityForm({"quantity": "0"}))
    assert 'href="#id_quantity"' in shown
    assert "data-focus" in shown
    assert render("{% error_summary form %}", form=QuantityForm({"quantity": "5"})) == ""


def test_django_renders_a_field_group_with_our_field() -> None:
    with translation.override("en"):
        shown = QuantityForm()["note"].as_field_group()
    assert '<span class="optional">(optional)</span>' in shown


def test_a_chart_has_a_label_and_its_numbers_as_a_table() -> None:
    shown = render('{% bars items "Hours" "h" %}', items=[{"label": "Set-up", "value": 8.25}])
    assert 'role="img" aria-label="Hours"' in shown
    assert '<th scope="row">Set-up</th><td>8.25</td><td>h</td>' in shown


def test_a_sparkline_leaves_a_gap_where_nothing_was_read() -> None:
    shown = render('{% sparkline trace "Spindle" %}', trace=[1, 2, None, 3])
    assert shown.count("M") == 2
    assert "last 3, lowest 1, highest 3" in shown


@pytest.mark.parametrize(
    "tag", ["sparkline trace 'T'", "gauge None 'G'", "heatmap rows columns 'H'"]
)
def test_a_chart_without_numbers_still_draws(tag: str) -> None:
    assert "<svg" in render("{% " + tag + " %}", trace=[], rows=[], columns=[])


def test_claim_and_count_that_differ_are_named() -> None:
    shown = render("{% claim_bar planned=50 claimed=60 counted=40 total=100 %}")
    assert "Plan 50, shop reports 60, machines count 40 of 100" in shown
    assert "differ by more than 5%" in shown
    assert "differ by" not in render("{% claim_bar planned=50 claimed=41 counted=40 total=100 %}")


def test_the_gantt_carries_its_plan_and_only_the_kinds_in_use() -> None:
    plan = {"groups": [], "bars": [[1, 0, 10, "risk", "4102"]]}
    shown = render('{% gantt "plan" "Schedule" plan %}', plan=plan)
    assert 'data-kind="risk"' in shown
    assert 'data-kind="idle"' not in shown
    assert '[1, 0, 10, "risk", "4102"]' in shown


def test_costs_in_millions_stay_inside_their_chart() -> None:
    options = [
        {"label": "Fastest", "x": 12.4, "y": 3_524_020},
        {"label": "Cheapest", "x": 13.6, "y": 3_425_500},
    ]
    shown = render('{% scatter options "Plans" "days" "CNY" %}', options=options)
    label = re.search(r'<text x="([\d.]+)"[^>]*text-anchor="end">3,500,000<', shown)
    assert label is not None
    assert float(label[1]) > 6 * len("3,500,000")
