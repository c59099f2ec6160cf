"""Plans that ask for several weights of the robust loss, and the one table that comes of them."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import robnas
from robnas.building import Plan, load_and_expand, table_of_plans
from robnas.errors import InputError
from robnas.records import RecordStore, find_plans, stored_plans
from tests.data.conftest import refused
from tests.test_cli import robnas as command

PLAN = """
name = "betas"
seeds = [0]
[space]
kind = "list"
architectures = ["444444"]
[data]
name = "digits"
limit_train = 64
[recipe]
preset = "digits"
epochs = 1
channels = 2
betas = [0, 0.25, 1]
[evaluation]
splits = ["test"]
images = {test = 20}
checks = false
[[evaluation.attacks]]
name = "fgsm"
epsilon = "16/255"
"""
STORE = ("--store", "runs.db")


def changed(old, new):
    return tomllib.loads(PLAN.replace(old, new))


def test_a_plan_for_several_betas_is_a_plan_for_each(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    plans = Plan.read_all(tmp_path / "plan.toml")
    assert [plan.name for plan in plans] == ["betas beta=0", "betas beta=0.25", "betas beta=1"]
    assert [plan.recipe.beta for plan in plans] == [0, 0.25, 1]
    for plan in plans:
        one = Plan.from_dict(changed("betas = [0, 0.25, 1]", f"beta = {plan.recipe.beta:g}"))
        assert load_and_expand(replace(one, name=plan.name)).hash == load_and_expand(plan).hash
        assert replace(one, name=plan.name) == plan
    with refused("recipe betas: expected one here, got 3; give beta in place of betas$", InputError):
        Plan.read(tmp_path / "plan.toml")
    (tmp_path / "plan.toml").write_text(PLAN.replace("betas = [0, 0.25, 1]", "betas = [0.25]"))
    assert Plan.read(tmp_path / "plan.toml").name == "betas beta=0.25"


@pytest.mark.parametrize(
    ("betas", "said"),
    [
        ("betas = []", "^plan recipe betas: expected at least one, each once, got "),
        ("betas = [0.5, 0.5]", "^plan recipe betas: expected at least one, each once, got "),
        ("betas = [0.5, 2]", r"^plan recipe betas: expected a number in \[0, 1\], got 2"),
        ('betas = ["0.5"]', r"^plan recipe betas: expected a number in \[0, 1\], got '0.5'"),
        ("betas = 0.5", "^plan recipe betas: expected a list, got 0.5"),
        ("betas = [0.5]\nbeta = 1", "^plan recipe beta: expected none beside betas, got 1$"),
        (
            'betas = [0.5]\nobjective = "trades"',
            "^plan recipe betas: expected objective mixed, whose weight it is, got",
        ),
    ],
)
def test_betas_that_are_none_are_refused(betas, said):
    with refused(said, InputError):
        Plan.all_from_dict(changed("betas = [0, 0.25, 1]", betas))


def test_a_plan_for_several_betas_becomes_one_table(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("plan.toml").write_text(PLAN)
    code, out, err = command(capsys, "build", "plan.toml", *STORE, "--dry-run", "--json")
    assert (code, err) == (0, "")
    assert [(one["total"], one["to_do"]) for one in json.loads(out)["plans"]] == [(1, 1)] * 3
    code, out, err = command(capsys, "build", "plan.toml", *STORE, "--jobs", "1", "--limit", "2", "--json")
    assert code == 0, err
    assert [(one["done"], one["remaining"]) for one in json.loads(out)["plans"]] == [(1, 0), (1, 0), (0, 1)]
    code, out, err = command(capsys, "build", "plan.toml", *STORE, "--jobs", "1")
    assert code == 0, err
    assert "plan betas beta=1" in out
    code, out, err = command(capsys, "build", "export", *STORE, "--out", "betas.parquet")
    assert (code, out.splitlines()[0]) == (0, "1 architectures, 3 trials: betas.parquet"), err
    table = robnas.load("betas.parquet")
    assert [(one.metric, one.beta) for one in table.columns] == [
        (metric, beta) for metric in ("clean", "fgsm@16/255") for beta in (0, 0.25, 1)
    ]
    assert (table.name, table.provenance["missing_trials"], table.provenance["trials"]) == ("betas", 0, 3)
    again = Plan.all_from_dict(table.provenance["plan"])
    assert [load_and_expand(plan).hash for plan in again] == table.provenance["plan_hash"]
    with RecordStore("runs.db", complete=False) as store:
        assert [plan.beta for plan in find_plans(store, "betas")] == [0, 0.25, 1]
        assert [plan.name for plan in find_plans(store, "betas beta=0.25")] == ["betas beta=0.25"]
        one = table_of_plans(store, find_plans(store, "betas beta=0.25"))
        assert table.provenance["plan_hash"] == [plan.hash for plan in find_plans(store)]
        with refused("^plan: expected one of betas beta=0 .*, got 'beta'; give --plan with a hash$", InputError):
            find_plans(store, "beta")
    assert [column.beta for column in one.columns] == [0.25, 0.25]
    assert one.provenance["plan"]["recipe"]["beta"] == 0.25
    # and the store as it is
    stored = robnas.load("runs.db")
    for ours, theirs in zip(stored.columns, table.columns, strict=True):
        assert (ours.name, ours.beta) == (theirs.name, theirs.beta)
        np.testing.assert_array_equal(ours.values, theirs.values)
    code, out, _ = command(capsys, "tables", "runs.db", "--json")
    assert code == 0


def test_plans_of_several_kinds_are_not_taken_for_one(tmp_path):
    from robnas.building import enrol

    with RecordStore(tmp_path / "runs.db") as store:
        for plan in Plan.all_from_dict(tomllib.loads(PLAN)):
            enrol(load_and_expand(plan), store)
        other = Plan.from_dict(changed("betas = [0, 0.25, 1]", "crop = 0.25") | {"name": "other"})
        enrol(load_and_expand(other), store)
        assert len(stored_plans(store)) == 4
        assert [plan.name for plan in find_plans(store, "other")] == ["other"]
        assert len(find_plans(store, "betas")) == 3
        with refused("^plan: expected one of betas beta=0 .*got none named", InputError):
            find_plans(store)


def test_the_plan_of_the_bundled_betas_has_the_architectures_with_three_seeds():
    plans = Plan.read_all(Path(__file__).parents[2] / "experiments" / "digits_beta.toml")
    digits = robnas.load("digits")
    several = {digits.texts[row] for row in np.flatnonzero(digits.columns[0].counts == 3)}
    assert [plan.recipe.beta for plan in plans] == [0, 0.25, 0.5, 0.75, 1]
    for plan in plans:
        assert {arch.text for arch, _ in plan.pairs} == several
        assert (len(plan.pairs), plan.seeds, plan.measuring.splits) == (1000, (0, 1), ("validation", "test"))
        assert plan.space.of.key == digits.space_key
    recipe = digits.provenance["plan"]["recipe"]
    assert plans[-1].recipe == Plan.from_dict(digits.provenance["plan"]).recipe, recipe


def test_a_plan_that_was_given_more_seeds_is_one_plan(tmp_path):
    from robnas.building import enrol

    with RecordStore(tmp_path / "runs.db") as store:
        for seeds in ("[0]", "[0, 1]"):
            grown = [load_and_expand(plan) for plan in Plan.all_from_dict(changed("seeds = [0]", f"seeds = {seeds}"))]
            for expansion in grown:
                enrol(expansion, store)
        assert len(stored_plans(store)) == 6
        wanted = [expansion.hash for expansion in grown]
        assert [plan.hash for plan in find_plans(store, "betas")] == wanted
        assert [plan.hash for plan in find_plans(store)] == wanted
        assert [plan.hash for plan in find_plans(store, "betas beta=1")] == wanted[2:]
        before = load_and_expand(Plan.all_from_dict(tomllib.loads(PLAN))[0])
        assert [plan.hash for plan in find_plans(store, before.hash)] == [before.hash]
        # neither of these two has all of the other's
        aside = Plan.all_from_dict(changed("seeds = [0]", "seeds = [2]"))[0]
        enrol(load_and_expand(aside), store)
        with refused("^plan: expected one of betas beta=0 ", InputError):
            find_plans(store, "betas beta=0")
