import json
from dataclasses import replace

import pytest

from robnas.building import EXECUTORS, Plan, load_and_expand
from tests.building.oracle import Oracle
from tests.building.test_driver import Inline
from tests.test_cli import robnas as command

PLAN = """
name = "part"
seeds = [0]
[space]
kind = "sample"
count = 40
seed = 1
channels = 2
[data]
name = "digits"
limit_train = 64
[recipe]
preset = "digits"
epochs = 1
[evaluation]
splits = ["validation", "test"]
images = {validation = 20, test = 20}
checks = false
[[evaluation.attacks]]
name = "pgd"
epsilon = "16/255"
steps = 1
step_size = "1/255"
"""
STORE = ("--store", "runs.db", "--executor", "oracle")
STATUS = ("build", "status", "--store", "runs.db")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With a plan whose trainings are an `Oracle`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text(PLAN)
    plan = Plan.read(tmp_path / "plan.toml")
    EXECUTORS["oracle"] = lambda trainer, **options: Inline(
        Oracle.of(load_and_expand(replace(plan, recipe=trainer.recipe)))
    )
    yield tmp_path
    del EXECUTORS["oracle"]


def test_a_part_of_a_plan_is_built(capsys, folder):
    active = ("build", "plan.toml", *STORE, "--design", "active", "--budget", "24")
    code, out, err = command(capsys, *active, "--dry-run")
    assert code == 0, err
    assert "24 trials, 0 done, 0 failed, 24 to do at most" in out
    assert (
        "design active: 0 of at most 24 architectures are known; it looks at pgd@16/255 on validation images "
        "(--metric and --split choose another)" in out
    )
    assert not (folder / "runs.db").exists()

    code, out, err = command(capsys, *active, "--limit", "21")
    assert code == 0, err
    assert "21 done, 0 failed in" in out
    assert "21 architectures are known, estimated mean absolute error" in out
    assert ": the build was stopped" in out
    assert "20 architectures are chosen beside 0 known ones" in err

    code, out, _ = command(capsys, *active, "--dry-run", "--json")
    facts = json.loads(out)
    assert (facts["total"], facts["done"], facts["to_do"]) == (24, 21, 3)
    assert (facts["known"], facts["budget"], facts["pool"]) == (21, 24, None)

    code, out, err = command(capsys, *active, "--json")
    facts = json.loads(out)
    assert (facts["done"], facts["remaining"], facts["design"]["known"]) == (3, 0, 24)
    assert facts["design"]["reason"] == "the budget of 24 architectures is used"
    assert 0 < facts["design"]["error"] < 0.5

    code, out, _ = command(capsys, *STATUS)
    assert "24 of 24 done" in out
    assert "  design active on pgd@16/255, validation: 24 chosen, 24 known of 24 architectures, estimated" in out
    assert out.rstrip().endswith("points: the budget of 24 architectures is used")
    code, out, _ = command(capsys, *STATUS, "--json")
    [found] = json.loads(out)["plans"]
    assert (found["design"]["kind"], found["design"]["chosen"], found["design"]["known"]) == ("active", 24, 24)

    code, out, err = command(capsys, "build", "export", "--store", "runs.db", "--out", "part.parquet")
    assert code == 0, err
    assert "24 architectures, 24 trials" in out


def test_the_plan_may_say_the_same(capsys, folder):
    design = '[design]\nkind = "spread"\nbudget = 5\nfocus = "top"\nmetric = "clean"\nsplit = "test"\n'
    (folder / "plan.toml").write_text(f"{PLAN}{design}")
    code, out, err = command(capsys, "build", "plan.toml", *STORE)
    assert code == 0, err
    assert "5 of at most 5" not in out
    assert "5 architectures are known" in out
    assert "it looks at clean on test images" in out
    code, out, err = command(capsys, "build", "plan.toml", *STORE, "--budget", "6", "--metric", "pgd@16/255", "--json")
    assert (json.loads(out)["done"], json.loads(out)["design"]["known"]) == (1, 6)


def test_each_beta_of_a_plan_has_a_design_of_its_own(capsys, folder):
    (folder / "plan.toml").write_text(PLAN.replace("epochs = 1", "epochs = 1\nbetas = [0, 1]"))
    code, out, err = command(capsys, "build", "plan.toml", *STORE, "--design", "active", "--budget", "22", "--json")
    assert code == 0, err
    first, second = json.loads(out)["plans"]
    assert (first["design"]["known"], second["design"]["known"]) == (22, 22)
    code, out, _ = command(capsys, *STATUS, "--json")
    assert [(one["done"], one["design"]["chosen"]) for one in json.loads(out)["plans"]] == [(22, 22), (22, 22)]


def test_it_stops_at_a_stated_accuracy(capsys, folder):
    args = ("build", "plan.toml", *STORE, "--design", "random", "--until-mae", "0.9", "--json")
    code, out, err = command(capsys, *args)
    assert code == 0, err
    found = json.loads(out)["design"]
    assert found["known"] == 20
    assert found["reason"].startswith("the estimated mean absolute error is 0.")
    assert found["reason"].endswith(", at most 0.9")


@pytest.mark.parametrize(
    "entry", ['information = ["scores:nowhere.csv"]', 'information = ["hearsay"]', 'model = "oracle"']
)
def test_what_a_surrogate_cannot_look_at_is_refused_before_anything_is_written(capsys, folder, entry):
    (folder / "plan.toml").write_text(f'{PLAN}[design]\nkind = "active"\nbudget = 3\n{entry}\n')
    code, _, err = command(capsys, "build", "plan.toml", *STORE)
    assert code == 2
    assert entry.split('"')[1].removeprefix("scores:") in err
    assert not (folder / "runs.db").exists()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--budget", "3"), "--budget: expected --design beside it, or [design] in the plan, got none"),
        (("--until-mae", "0.1"), "--until-mae: expected --design beside it, or [design] in the plan, got none"),
        (("--focus", "top"), "--focus: expected --design beside it, or [design] in the plan, got none"),
        (("--design", "active"), "design: expected a budget, or until_mae, got neither; say --budget or --until-mae"),
        (("--design", "clever", "--budget", "3"), "design: expected one of random, spread, active, got 'clever'"),
        (("--design", "active", "--budget", "0"), "design budget: expected"),
        (("--design", "active", "--until-mae", "-1"), "design until_mae: expected"),
        (("--design", "active", "--budget", "3", "--focus", "bottom"), "everywhere"),
        (("--design", "active", "--budget", "3", "--metric", "fgsm@1/255"), "metric: expected one that plan part"),
        (("--design", "active", "--budget", "3", "--split", "train"), "split: expected one that plan part measures"),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_wrong_options_are_refused_before_anything_is_written(capsys, folder, options, text, dry):
    code, _, err = command(capsys, "build", "plan.toml", *STORE, *options, *dry)
    assert code == 2
    assert text in err
    assert not (folder / "runs.db").exists()
