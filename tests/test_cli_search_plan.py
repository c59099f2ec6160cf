"""``robnas search --plan``, whose trainings are those of an `Oracle` in this process."""

import json

import pytest

from robnas.building import EXECUTORS, load_and_expand
from robnas.building._plan import Plan
from tests.building.oracle import Oracle
from tests.building.test_driver import Inline
from tests.test_cli import robnas

PLAN = """
name = "small"
seeds = [0, 1]
[space]
kind = "representatives"
partition = "official"
[data]
name = "digits"
[recipe]
preset = "digits"
epochs = 1
[evaluation]
splits = ["validation", "test"]
[[evaluation.attacks]]
name = "pgd"
epsilon = "32/255"
steps = 2
step_size = "10/255"
"""
RE = ("--algorithm", "regularized-evolution", "--set", "population=4", "--set", "sample=2")
SEEN = ("--metric", "pgd@32/255", "--split", "validation")


@pytest.fixture
def where(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    known = Oracle.of(load_and_expand(Plan.read(path), listed=False))
    EXECUTORS["oracle"] = lambda trainer, **options: Inline(known)
    yield ("search", "--plan", str(path), "--store", f"sqlite:///{tmp_path}/runs.db", "--executor", "oracle")
    EXECUTORS.pop("oracle")


def test_a_search_trains_what_it_asks_for_and_goes_on_with_a_larger_budget(where, capsys, tmp_path):
    code, out, err = robnas(capsys, *where, *SEEN, *RE, "--budget", "5")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "regularized-evolution on small validation pgd@32/255: 5 questions, 5 of them trained now"
    assert lines[1].startswith("best  ")
    assert "pgd@32/255 0." in lines[1]
    code, out, err = robnas(capsys, *where, *SEEN, *RE, "--budget", "7", "--json", "--out", str(tmp_path / "out"))
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert (facts["plan"], facts["space"], facts["trained"]) == ("small", "nas-bench-201:channels=8,cells=1", 2)
    assert facts["trace"] == json.loads((tmp_path / "out" / "trace.json").read_text())
    assert facts["best"]["values"]["pgd@32/255"] == max(value for (value,) in facts["trace"]["values"])


def test_several_at_a_time_are_told_in_order_where_a_batch_is_asked_for(where, capsys):
    several = (*where, *SEEN, *RE, "--budget", "8", "--seeds", "2", "--jobs", "2")
    code, out, err = robnas(capsys, *several)
    assert code == 0
    assert "asks while others are trained, so what it finds depends on their order" in err
    code, out, err = robnas(capsys, *several, "--batch", "3", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["trace"]["settings"]["asynchronous"] is True


def test_several_goals_have_a_front(where, capsys):
    more = ("--cost", "parameters", "--constraint", "parameters <= 60000", "--algorithm", "nsga2", "--budget", "6")
    code, out, err = robnas(capsys, *where, *SEEN, *more)
    assert (code, err) == (0, "")
    assert all(line.startswith("front  ") and "parameters" in line for line in out.splitlines()[1:])


def test_a_search_of_test_images_says_so(where, capsys):
    code, _, err = robnas(capsys, *where, "--metric", "clean", "--split", "test", *RE, "--budget", "2")
    assert code == 0
    assert "oracle selection: the search sees test images" in err


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ((*SEEN, *RE, "--budget", "0"), "--budget: expected at least 1, got 0"),
        ((*SEEN, *RE), "--budget: expected a value, got none"),
        ((*SEEN, "--budget", "5"), "--algorithm: expected one of "),
        ((*SEEN, "--budget", "5", "--algorithm", "nope"), "algorithm: expected one of "),
        (
            (*SEEN, *RE, "--budget", "5", "--table", "digits"),
            "--plan: expected no choice of tables and comparisons, got",
        ),
        (
            (*SEEN, *RE, "--budget", "5", "--noise", "seeds"),
            "--plan: expected no choice of tables and comparisons, got",
        ),
        ((*SEEN, *RE, "--budget", "5", "--runs", "3"), "--plan: expected no choice of tables and comparisons, got"),
        ((*SEEN, *RE, "--budget", "5", "--seeds", "3"), "seeds: expected at most 2, as plan small has, got 3"),
        (
            (*SEEN, *RE, "--budget", "5", "--metric", "clean"),
            "objectives of regularized-evolution: expected one, got 2",
        ),
        (("--metric", "clean", *RE, "--budget", "5"), "--split: expected one of validation, test, got none"),
        (("--metric", "x", "--split", "test", *RE, "--budget", "5"), "metric: expected one that plan small measures"),
        ((*SEEN, *RE, "--budget", "5", "--constraint", "clean >= .5"), "constraint clean: expected parameters or macs"),
        ((*SEEN, *RE, "--budget", "5", "--batch", "0"), "--batch: expected at least 1, got 0"),
        ((*SEEN, *RE, "--budget", "9999"), "budget: expected at most 6,466"),
        ((*SEEN, *RE, "--budget", "5", "--space", "wide-resnet"), "space: expected"),
    ],
)
def test_bad_input_is_one_line(where, capsys, more, text):
    code, out, err = robnas(capsys, *where, *more)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert text in err


def test_options_of_trainings_need_a_plan(capsys):
    for option in (("--store", "x.db"), ("--batch", "2"), ("--executor", "ray"), ("--keep-going",), ("--seeds", "2")):
        code, out, err = robnas(capsys, "search", *RE, "--budget", "5", *option)
        assert (code, out) == (2, "")
        assert err == f"error: {option[0]}: expected --plan beside it, got none\n"
