"""Problem and result files: what is read, what is refused, and with which sentence."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from scheduling import problem_files
from scheduling.core import (
    Alternative,
    Assignment,
    CutLot,
    Objective,
    Problem,
    Quota,
    Step,
    Transport,
    Window,
)
from scheduling.core.formats import UnreadableProblem, read_problem
from scheduling.core.formats.openfloor import problem_to_json
from scheduling.problem_files import check_file, solve_file
from tests.core.scheduling.shops import machine, market, order

DATA = Path(__file__).parents[3] / "bench/scenarios/public_shops"
SMALL = market(
    machine("press", set_up_minutes=5, price_per_hour_minor=600),
    order(
        quantity=60,
        due=300,
        destination="harbour",
        excluded_machines=frozenset({"other"}),
        cut=(CutLot(lot=0, quantity=20, factories=(frozenset({"press-works"}),)),),
    ),
    transport=Transport(minutes={("press-works", "harbour"): 30}, default_minutes=5),
    frozen=(
        Assignment(
            order="plates",
            lot=0,
            step=0,
            machine="press",
            start=0,
            end=25,
            quantity=20,
            set_up_minutes=5,
        ),
    ),
    currency="CNY",
)
HALF = {
    "id": "m",
    "factory": "f",
    "capabilities": [{"process": "x", "rate_per_hour": 1.5}],
}


def test_fjsp_text_numbers_machines_from_0_and_may_carry_a_third_number() -> None:
    problem = read_problem("2 3 1.5\n1 2 0 5 2 7\n2 1 1 3 1 0 4\n")
    assert [machine.id for machine in problem.machines] == ["0", "1", "2"]
    first, second = problem.orders
    alternatives = (
        Alternative(machine="0", duration_minutes=5),
        Alternative(machine="2", duration_minutes=7),
    )
    assert first.steps == (Step(alternatives=alternatives),)
    assert len(second.steps) == 2


def test_jsp_text_skips_its_preamble_and_may_end_lines_in_minus_ones() -> None:
    text = "+++++\ninstance something\n 2 2\n0 3 1 2 -1 -1\n1 4 0 1 -1 -1\n"
    problem = read_problem(text)
    assert problem == read_problem(text, "jsp")
    assert [[s.alternatives[0].duration_minutes for s in o.steps] for o in problem.orders] == [
        [3, 2],
        [4, 1],
    ]


@pytest.mark.parametrize(
    ("text", "format_", "words"),
    [
        ("", "fjsp", "empty"),
        ("2 2\n1 1 0 5\n", "fjsp", "ends after 1 of 2 jobs"),
        ("1 2\n1 2 0 5\n", "fjsp", "ends in the middle"),
        ("1 2\n1 1 0 5 9\n", "fjsp", "goes on after"),
        ("1 2\n1 1 2 5\n", "fjsp", "numbered 0 to 1"),
        ("1 2\n1 1 0 5\n1 1 0 5\n", "fjsp", "more lines"),
        ("1 2\n0 x\n", "fjsp", "other than numbers"),
        ("1 2\n0 3 1\n", "jsp", "pairs"),
        ("{", "openfloor", "not JSON"),
        ("{}", "auto", "must say"),
        ("hello 1", "auto", "neither"),
        ("1 1 inf\n1 1 0 5\n", "fjsp", "other than numbers"),
        ("1 1\n1 1 0 " + "9" * 5000 + "\n", "fjsp", "other than numbers"),
        ("[" * 100_000, "auto", "nested too deeply"),
        ('{"a":' * 100_000, "openfloor", "nested too deeply"),
    ],
)
def test_unreadable_text_says_what_was_expected(text: str, format_: str, words: str) -> None:
    with pytest.raises(UnreadableProblem, match=words):
        read_problem(text, format_)


def test_openfloor_json_reads_back_what_it_writes() -> None:
    document = json.dumps(problem_to_json(SMALL))
    assert read_problem(document) == SMALL


def test_every_limit_reads_back_from_openfloor_json() -> None:
    machine = replace(
        SMALL.machines[0],
        certificates=frozenset({"iso9001"}),
        set_up_family="red",
        changeovers={("", "red"): 5, ("red", "blue"): 15},
        capabilities=(replace(SMALL.machines[0].capabilities[0], set_up_high_minutes=9),),
    )
    quota = Quota(step=0, factory=machine.factory, at_least=1, at_most=3)
    order = replace(
        SMALL.orders[0],
        steps=tuple(replace(step, set_up_family="blue") for step in SMALL.orders[0].steps),
        certificates=frozenset({"iso9001"}),
        max_factories=2,
        preferred_factories=frozenset({machine.factory}),
        quotas=(quota,),
        admitted_machines=frozenset({machine.id}),
        outside_price_minor=7,
    )
    limited = replace(SMALL, machines=(machine, *SMALL.machines[1:]), orders=(order,))
    assert read_problem(json.dumps(problem_to_json(limited))) == limited


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "“version”: 1"),
        ({"colour": "red"}, "unknown field “colour”"),
        ({"orders": [{"id": "a", "steps": [{"process": "x"}], "quantity": 1.5}]}, "whole number"),
        ({"orders": [{"id": "a", "quantity": True}]}, "whole number"),
        ({"machines": [{"id": "m"}]}, "needs the text “factory”"),
        ({"machines": {}}, "must be a list"),
        ({"machines": [HALF]}, "like “5/2”"),
    ],
)
def test_wrong_fields_are_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(UnreadableProblem, match=words):
        read_problem(json.dumps(problem_to_json(SMALL) | change))


def test_a_rate_may_be_a_fraction(tmp_path: Path) -> None:
    document = problem_to_json(market(machine("press", windows=None), order(quantity=5)))
    document["machines"][0]["capabilities"][0]["rate_per_hour"] = "5/2"
    problem = read_problem(json.dumps(document))
    assert problem.options(problem.orders[0], 0)[0].work_minutes(5) == 120


def test_solve_and_check_agree_on_a_gzipped_file(tmp_path: Path) -> None:
    path, result = tmp_path / "problem.json.gz", tmp_path / "result.json"
    path.write_bytes(gzip.compress(json.dumps(problem_to_json(SMALL)).encode()))
    solved = solve_file(path, time_limit=2)
    assert (solved.exit_code, solved.document["status"]) == (0, "feasible")
    assert solved.document["objective"] == 65 + 30
    result.write_text(json.dumps(solved.document))
    checked = check_file(path, result, certify=True)
    assert checked.document == {
        "violations": [],
        "objective": 95,
        "lower_bound_verified": True,
        "certified_bound": solved.document["lower_bound"],
    }


def test_a_bound_that_rests_on_a_search_is_not_verified_but_its_certified_part_is(
    tmp_path: Path,
) -> None:
    path, result = tmp_path / "shop.txt", tmp_path / "result.json"
    path.write_text("3 2\n" + "1 2 0 4 1 4\n" * 3)
    document = solve_file(path, time_limit=5).document
    assert (document["status"], document["gap"]) == ("optimal", 0.0)
    assert (document["lower_bound"], document["certified_bound"]) == (8, 6)
    result.write_text(json.dumps(document))
    checked = check_file(path, result, certify=True).document
    assert checked["violations"] == []
    assert (checked["lower_bound_verified"], checked["certified_bound"]) == (None, 6)
    result.write_text(json.dumps(document | {"lower_bound": 6}))
    assert check_file(path, result, certify=True).document["lower_bound_verified"] is True


def test_rents_certify_what_scarce_time_must_cost(tmp_path: Path) -> None:
    press = machine("press", windows=(Window(start=0, end=100),), price_per_hour_minor=600)
    poor = order("poor", 100, outside_price_minor=15)
    problem = market(press, poor, order("rich", 60, outside_price_minor=40))
    path, result = tmp_path / "problem.json", tmp_path / "result.json"
    path.write_text(json.dumps(problem_to_json(problem)))
    document = solve_file(path, objective=Objective.COST, time_limit=5).document
    assert (document["status"], document["lower_bound"]) == ("optimal", 1900)
    # a minute of the press saves 15 outside for 10: its time is worth 5
    assert document["certificate"] == {"rents": {"press": [[0, 5000], [100, 0]]}}
    result.write_text(json.dumps(document))
    checked = check_file(path, result, certify=True).document
    assert checked["violations"] == []
    assert (checked["objective"], checked["lower_bound_verified"]) == (1900, True)
    assert checked["certified_bound"] == document["certified_bound"] == 1900
    result.write_text(json.dumps(document | {"certificate": None}))
    bare = check_file(path, result, certify=True).document
    # without rents, 100 pieces of each order could be had at the cheaper of two prices
    assert (bare["lower_bound_verified"], bare["certified_bound"]) == (None, 1600)
    backwards = {"rents": {"press": [[9, 1], [3, 1]]}}
    result.write_text(json.dumps(document | {"certificate": backwards}))
    assert check_file(path, result, certify=True).exit_code == 2


def test_check_finds_moved_work_and_false_claims(tmp_path: Path) -> None:
    path, result = DATA / "mk01.txt", tmp_path / "result.json"
    document = solve_file(path, time_limit=3, workers=1).document
    document["objective"] += 1
    document["assignments"][0]["end"] -= 1
    result.write_text(json.dumps(document))
    checked = check_file(path, result)
    assert checked.exit_code == 1
    assert {v["code"] for v in checked.document["violations"]} == {"too_short", "objective"}


@pytest.mark.parametrize(
    ("claimed", "verified"), [(36, True), (40, None), (41, False), (None, None)]
)
def test_a_lower_bound_is_verified_refuted_or_left_open(
    tmp_path: Path, claimed: int | None, verified: bool | None
) -> None:
    path, result = DATA / "mk01.txt", tmp_path / "result.json"
    document = solve_file(path, time_limit=5, seed=1).document
    assert document["objective"] == 40
    result.write_text(json.dumps(document | {"lower_bound": claimed}))
    assert check_file(path, result, certify=True).document["lower_bound_verified"] is verified


def test_bad_files_exit_2_with_one_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(problem_to_json(market(machine("press"), order(quantity=-1)))))
    for outcome in (solve_file(bad), solve_file(tmp_path / "absent"), check_file(bad, bad)):
        assert outcome.exit_code == 2
        assert outcome.complaint.endswith(".")
    assert solve_file(bad).document["status"] == "invalid"
    assert solve_file(bad, objective=Objective.COST).document["assignments"] == []


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"1 1\n1 1 0 5\n" * 99, mtime=0)[:30],
        gzip.compress(b"1 1\n1 1 0 5\n" * 99, mtime=0)[:-9] + b"xxxxxxxxx",
        gzip.compress(b"", mtime=0)[:10] + b"\xff" * 50,
        b"[" * 100_000,
        b'{"assignments": [], "objective": 1e999}',
        b'{"assignments": [], "objective": NaN}',
        b'{"assignments": [{"job": 1e400}]}',
    ],
    ids=["cut off", "wrong sum", "no stream", "bottomless", "endless", "no number", "far job"],
)
def test_a_broken_problem_or_result_exits_2_with_one_sentence(
    tmp_path: Path, content: bytes
) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(content)
    for outcome in (solve_file(broken), check_file(DATA / "mk01.txt", broken)):
        assert outcome.exit_code == 2
        assert outcome.complaint.endswith(".")


def test_a_file_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problem_files, "MOST_BYTES", 1_000)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b" " * 1_001))
    assert "more than 1000 bytes" in solve_file(path).complaint


def test_half_a_surrogate_in_a_name_is_written_as_it_came(tmp_path: Path) -> None:
    path, out = tmp_path / "problem.json", tmp_path / "result.json"
    document = problem_to_json(market(machine("\ud800"), order(quantity=5)))
    path.write_text(json.dumps(document))
    call_command("solve", path, time_limit=1, out=out)
    assert "\ud800" in {row["machine_id"] for row in json.loads(out.read_bytes())["assignments"]}


@pytest.mark.parametrize(
    "option",
    [
        *("--time-limit=nan", "--time-limit=inf", "--time-limit=-1", "--time-limit=0"),
        *("--workers=0", "--workers=-1", "--workers=99999", "--seed=-1", "--seed=99999999999"),
    ],
)
def test_an_option_that_no_solver_takes_is_refused(option: str) -> None:
    with pytest.raises(CommandError, match="argument"):
        call_command("solve", str(DATA / "mk01.txt"), option)


def test_what_cannot_be_written_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        call_command("solve", DATA / "mk01.txt", time_limit=1, out=tmp_path)
    assert "cannot be written" in capsys.readouterr().err


def test_check_takes_files_without_an_extension(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("problem").write_bytes((DATA / "mk01.txt").read_bytes())
    Path("result").write_text('{"assignments": []}')
    with pytest.raises(SystemExit, match="1"):
        call_command("check", "problem", "result")
    assert json.loads(capsysbinary.readouterr().out)["violations"]


def test_a_result_for_another_problem_is_a_violation_not_a_crash(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    row = {"job": 99, "operation": 0, "machine": 0, "start": 0, "end": 1}
    result.write_text(json.dumps({"assignments": [row]}))
    checked = check_file(DATA / "mk01.txt", result, certify=True)
    assert checked.exit_code == 1
    result.write_text(json.dumps({"assignments": [{"job": 0}]}))
    assert check_file(DATA / "mk01.txt", result).exit_code == 2


def test_an_empty_problem_is_read_and_then_named_faulty() -> None:
    assert [fault.code for fault in Problem(orders=(), machines=()).validate()] == ["no_orders"]
