"""The study of cheap trainings: what it compares, what it counts and how it judges."""

import sys
import warnings
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from robnas.building import EXECUTORS
from robnas.data import load_data
from robnas.errors import DivergedError, InputError
from robnas.records import OF_TRAINING, Curve, Outcome, Record, RecordStore, store_status
from robnas.spaces import partition
from robnas.statistics import Correlation
from robnas.training import Recipe, TrainingWarning, _overfitting, train
from tests.building.test_driver import Inline

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))
import cheap_training.findings  # noqa: E402
import fidelity  # noqa: E402
from cheap_training.findings import Finding, findings, frontier, share  # noqa: E402
from cheap_training.pages import report, table  # noqa: E402
from cheap_training.study import ATTACKS, STUDIES, Setting, Study  # noqa: E402

sys.path.remove(str(EXPERIMENTS))
DIGITS = STUDIES["digits"]
TINY = Study(
    "digits", (1, 8), Recipe.digits().replace(batch_size=32), channels=2, epochs=1, images=32, gold_epochs=2,
    gold_images=64, measured=40, architectures=30, alone={"attack": ("rs-fgsm", "n-fgsm")}, crossed=(),
)  # fmt: skip


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    """The interval of the ceiling takes seconds."""
    few = partial(cheap_training.findings.table_ceiling, resamples=2)
    monkeypatch.setattr(cheap_training.findings, "table_ceiling", few)


@pytest.fixture(scope="module")
def tiny():
    """Plans of the small study, expanded."""
    return fidelity.expanded(TINY)


# what is compared


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_one_factor_at_a_time_and_twelve_crossed_settings(study):
    standard, *others, again = study.settings
    factors = ("attack", "epochs", "channels", "images")
    changed = [[name for name in factors if getattr(one, name) != getattr(standard, name)] for one in others]
    assert {name for names in changed if len(names) == 1 for name in names} == set(factors)
    assert sum(len(names) > 1 for names in changed) == 12
    assert {one.attack for one in others} == {"rs-fgsm", "n-fgsm", "free-4", "pgd-2", "pgd-7"}
    assert replace(again, label="") == replace(study.gold, label="")
    assert len({replace(one, label="") for one in study.settings}) == len(study.settings) == 25
    assert study.gold.passes(study.threat) > 9 * standard.passes(study.threat)
    assert len({study.plan(one).name for one in (study.gold, *study.settings)}) == 26


def test_the_standard_of_the_digits_is_the_recipe_of_the_bundled_table():
    plan = DIGITS.plan(DIGITS.settings[0])
    assert plan.recipe.hash == Recipe.digits().hash
    assert plan.space.of.settings == {"channels": 8, "cells": 1}


def test_architectures_are_of_different_classes_and_fewer_are_the_first_of_more():
    classes = partition("effective")
    assert len({classes.class_of[arch.index] for arch in DIGITS.archs}) == len(DIGITS.archs) == 200
    assert replace(DIGITS, architectures=30).archs == DIGITS.archs[:30]
    assert replace(DIGITS, seed=1).archs != DIGITS.archs


def test_gold_and_settings_share_no_seed_and_gold_alone_sees_test_images(tiny):
    seeds = {setting: set(one.plan.seeds) for setting, one in tiny.items()}
    gold = seeds.pop(TINY.gold)
    assert len(gold) == 3
    assert not gold & set.union(*seeds.values())
    assert [one for one, plan in tiny.items() if "test" in plan.plan.measuring.splits] == [TINY.gold]
    assert len({one.hash for one in tiny.values()}) == len(tiny)


class Counting(nn.Module):
    """Counts the images that pass through it on their way to a gradient."""

    def __init__(self):
        super().__init__()
        self.linear, self.passed = nn.Linear(64, 10), 0

    def forward(self, images):
        self.passed += len(images) * torch.is_grad_enabled()
        return self.linear(images.flatten(1))


@pytest.mark.parametrize("attack", ATTACKS)
def test_passes_are_those_that_a_training_makes(attack, monkeypatch):
    monkeypatch.setattr(_overfitting, "is_checked", lambda recipe: False)  # which is no part of a training
    data, passed = load_data("digits").limit(train=96), []
    recipe = Recipe.digits().replace(attack=ATTACKS[attack](DIGITS.threat))
    for epochs in (1, 3):
        network = Counting()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            train(network, data, recipe.replace(epochs=epochs), seed=0)
        passed.append(network.passed)
    assert passed[1] - passed[0] == Setting(attack, 2, 8, 96).passes(DIGITS.threat)


def test_width_has_a_price_by_multiply_accumulates():
    narrow, wide = (Setting("pgd-2", 4, channels, 1000) for channels in (4, 16))
    assert DIGITS.cost(DIGITS.settings[0]) == 12_000
    assert 2 < 12_000 / DIGITS.cost(narrow) < 4 < DIGITS.cost(wide) / 12_000 * 2 < 8


# trainings that are known


@dataclass(frozen=True)
class Known:
    """Leaves what `value` says of an architecture, split, metric and seed, and half a second per epoch."""

    expansion: object
    value: object
    warned: frozenset = frozenset()

    def prepare(self):
        pass

    def __call__(self, trial):
        plan = self.expansion.plan
        arch = plan.space.of.parse(trial.architecture)
        shared = {
            "architecture": arch, "space": plan.space.of.key, "dataset_hash": self.expansion.dataset_hash,
            "recipe_hash": plan.recipe.hash, "seed": trial.seed, "dataset": "digits",
        }  # fmt: skip
        records = tuple(
            Record(
                **shared, **one, value=self.value(arch, one["split"], one["metric"], trial.seed), seconds=0.1,
                attack_seed=trial.seed if one["attack_hash"] else 0, torch_version="2.13.0", device="cpu",
            )
            for one in self.expansion.measurements
        )  # fmt: skip
        epochs = tuple(range(1, plan.recipe.epochs + 1))
        curve = Curve(
            **shared, split=OF_TRAINING, metric="seconds", attack_hash="", images=0, epochs=epochs,
            values=(0.5,) * len(epochs),
        )  # fmt: skip
        doubts = ("training: overfitted to its attack",) if arch.text in self.warned else ()
        return Outcome(records, warnings=doubts, curves=(curve,))


def built(plans, store, says, warned=frozenset(), only=None):
    """Build with settings that say `says[name]` of the place of an architecture, gold its place / 30."""
    place = {arch.text: number for number, arch in enumerate(TINY.archs)}

    def known(trainer, **options):
        (setting,) = (
            one for one, plan in plans.items()
            if (plan.plan.recipe.hash, plan.dataset_hash, plan.plan.measuring.splits)
            == (trainer.recipe.hash, trainer.dataset_hash, trainer.measuring.splits)
        )  # fmt: skip

        def value(arch, split, metric, seed):
            robust = says(setting, place[arch.text], seed)
            return {"clean": 1.0, "fgsm@32/255": robust if setting.attack != "rs-fgsm" else 0.95}.get(metric, robust)

        return Inline(Known(plans[setting], value, warned if setting.attack == "n-fgsm" else frozenset()))

    EXECUTORS.register("known", known, overwrite=True)
    fidelity.build({one: plans[one] for one in only or plans}, store, executor="known")


@pytest.fixture
def store(tmp_path, own_files):
    with RecordStore(f"sqlite:///{tmp_path}/runs.db") as found:
        yield found
    EXECUTORS.pop("known", None)


def says(setting, place, seed):
    """Gold and its repetition have some noise of the seed; rs-fgsm says the reverse of the standard."""
    if setting.attack == "rs-fgsm":
        return (30 - place) / 30
    return place / 30 + (0.001 * ((place * (seed + 2)) % 5) if setting.attack == "pgd-10" else 0)


def test_order_regret_overfitting_and_cost_are_those_of_trainings_that_are_known(tiny, store):
    warned = frozenset(arch.text for arch in TINY.archs[:5])
    built(tiny, store, says, warned)
    gold, found, lacking = findings(TINY, tiny, store)
    assert lacking == []
    assert gold.archs == list(TINY.archs)
    expected = [place / 30 + np.mean([0.001 * ((place * (seed + 2)) % 5) for seed in (0, 1, 2)]) for place in range(30)]
    np.testing.assert_allclose(gold.truth, expected)
    assert 0.99 < gold.ceiling.value <= 1
    parameters, standard, rs, n, _ = found
    assert (parameters.name, parameters.cost, parameters.seconds, parameters.setting) == (
        "counting parameters", 0, 0, None
    )  # fmt: skip
    assert (standard.spearman.value, standard.top.value, standard.first.value) == pytest.approx((1, 1, 0))
    assert (rs.spearman.value, rs.top.value) == pytest.approx((-1, -1))
    assert (rs.first.value, rs.ten.value) == pytest.approx(
        (gold.truth[29] - gold.truth[0], gold.truth[29] - gold.truth[9])
    )
    # FGSM leaves .95: more than .2 above PGD, and more than twice as much, up to PGD 14 / 30.
    assert rs.overfitted.value == 14 / 30
    assert n.overfitted.value == 5 / 30
    assert standard.overfitted.value == 0
    assert standard.overfitted.high == pytest.approx(1 - 0.025 ** (1 / 30))
    assert [one.passes for one in found] == [0, 96, 64, 64, 2 * 64 * 11]
    assert [one.seconds for one in found] == pytest.approx([0, 0.5, 0.5, 0.5, 1])
    assert all(one.count == 30 for one in found)
    places, inside = frontier(found, lambda one: one.seconds)
    assert [found[place].name for place in places][:2] == [
        "counting parameters",
        "pgd-2, 1 epoch, C=2, 32 images (standard)",
    ]
    assert inside[2] == 0
    text = report(gold, found, lacking)
    assert "| pgd-2, 1 epoch, C=2, 32 images (standard) | 30 | 0 | 0.1 | 0.50 | 1.000 [1.000, 1.000] |" in text
    header, lines = table(gold, found)
    assert lines[-1][header.index("spearman")] == f"{gold.ceiling.value:.5f}"
    assert {len(header)} == {len(line) for line in lines}
    assert "**Not shown to order better than counting parameters**: rs-fgsm, 1 epoch, C=2, 32 images." in text
    assert "Not there yet" not in text


def test_what_is_there_is_analysed_and_what_is_not_is_named(tiny, store):
    with pytest.raises(InputError, match="gold: expected finished trainings, got none; train on"):
        findings(TINY, tiny, store)
    standard = TINY.settings[0]
    built(tiny, store, says, only=[TINY.gold, standard])
    _, found, lacking = findings(TINY, tiny, store)
    assert [one.setting for one in found] == [None, standard]
    assert lacking == [str(one) for one in TINY.settings[1:]]


def test_architectures_without_all_seeds_of_gold_have_no_part(tiny, store, monkeypatch):
    run = fidelity.run_plan
    monkeypatch.setattr(fidelity, "run_plan", lambda *given, **more: run(*given, limit=75, **more))
    built(tiny, store, says, only=[TINY.gold, TINY.settings[0]])
    whole = {arch for arch, seeds in _seeds(store, tiny[TINY.gold]).items() if len(seeds) == 3}
    assert 10 <= len(whole) < 30
    gold, found, _ = findings(TINY, tiny, store)
    assert {arch.text for arch in gold.archs} == whole
    assert {one.count for one in found} == {len(whole)}


def test_a_setting_of_which_gold_knows_too_little_is_not_there_yet(tiny, store, monkeypatch):
    run, standard = fidelity.run_plan, TINY.settings[0]
    built(tiny, store, says, only=[TINY.gold])
    monkeypatch.setattr(fidelity, "run_plan", lambda *given, **more: run(*given, limit=3, **more))
    built(tiny, store, says, only=[standard])
    _, found, lacking = findings(TINY, tiny, store)
    assert [one.setting for one in found] == [None]
    assert str(standard) in lacking
    assert report(*findings(TINY, tiny, store)).count("|\n") == 3


def test_trainings_that_failed_are_counted(tiny, store):
    def some_fail(setting, place, seed):
        if setting == TINY.settings[0] and place < 3:
            raise DivergedError(1, 1, float("nan"))
        return says(setting, place, seed)

    built(tiny, store, some_fail, only=[TINY.gold, TINY.settings[0]])
    assert "(standard) | 27 (3 failed) | 0 | 0.1 |" in report(*findings(TINY, tiny, store))


def test_fewer_architectures_of_a_store_of_more_are_analysed(tiny, store, tmp_path):
    standard = TINY.settings[0]
    built(tiny, store, says, only=[TINY.gold, standard])
    fewer = replace(TINY, architectures=12)
    text = fidelity.write(fewer, fidelity.expanded(fewer), store, tmp_path)
    assert text.startswith("# How cheap may training be? digits, 12 architectures")
    assert f"| {standard} | 12 |" in text
    assert {status.remaining for status in store_status(store)} == {0}


def _seeds(store, expansion):
    found = {}
    for record in store.records(recipe_hash=expansion.plan.recipe.hash, split="test", metric=TINY.metric):
        found.setdefault(record.architecture.text, set()).add(record.seed)
    return found


def test_it_stops_in_time_and_goes_on_without_training_anything_twice(tiny, store):
    asked = []

    def slow(setting, place, seed):
        asked.append((setting, place, seed))
        if len(asked) == 200:  # of 540
            fidelity.signal.raise_signal(fidelity.signal.SIGINT)
        return says(setting, place, seed)

    some = [TINY.gold, TINY.settings[0]]
    with pytest.raises(KeyboardInterrupt):
        built(tiny, store, slow, only=some)
    assert 0 < sum(status.done for status in store_status(store)) < 120
    built(tiny, store, slow, only=some)
    assert sum(status.done for status in store_status(store)) == 120
    before = len(asked)
    built(tiny, store, slow, only=some)
    assert len(asked) == before


def test_the_time_that_is_given_is_kept(tiny, store, capsys):
    EXECUTORS.register("known", lambda trainer, **options: Idle(), overwrite=True)
    assert not fidelity.build(tiny, store, minutes=0.3 / 60, executor="known")
    assert "time is up" in capsys.readouterr().err
    (status,) = store_status(store)
    assert (status.done, status.running, status.failed) == (0, 0, 0)


class Idle(Inline):
    """Never has done a trial."""

    def wait(self, timeout):
        fidelity.time.sleep(0.01)
        return []


# numbers


def finding(cost, *rhos):
    rho, empty = np.array(rhos), Correlation(np.nan, np.nan, np.nan, 0.95, 0)
    return Finding(
        name="", setting=None, count=0, failed=0, passes=0, cost=cost, seconds=np.nan, spearman=empty, top=empty,
        first=empty, ten=empty, overfitted=empty, drawn=rho,
    )  # fmt: skip


def test_on_the_frontier_is_what_nothing_as_cheap_orders_better():
    found = [
        finding(0, 0.7, 0.9),
        finding(3, 0.6, 0.8),
        finding(5, 0.9, 0.8),
        finding(4, 0.8, 0.95),
        finding(5, 0.85, 0),
    ]
    places, inside = frontier(found, lambda one: one.cost)
    assert places == [0, 3, 2]
    assert inside.tolist() == [1, 0, 0, 1, 0]
    assert frontier(found, lambda one: one.seconds)[0] == []  # nobody knows what they cost


def test_a_share_has_an_exact_interval():
    assert str(share([False] * 200)) == "0.000 [0.000, 0.018]"
    assert np.isnan(share([]).value)


# the whole


def test_the_whole_study_in_small(tmp_path, overwrite, monkeypatch, capsys, one_thread):
    small = replace(TINY, images=16, gold_images=16, gold_epochs=1, measured=10, alone={})
    monkeypatch.setitem(STUDIES, "digits", small)
    monkeypatch.setattr(fidelity, "PROBES", 1)
    for place in (fidelity, cheap_training.findings):
        monkeypatch.setattr(place, "FEWEST", 4)
    overwrite(EXECUTORS, "local", lambda trainer, **options: Inline(trainer))
    arguments = ["--store", f"sqlite:///{tmp_path}/runs.db", "--architectures", "4", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["fidelity.py", *arguments, "--dry-run"])
    fidelity.main()
    *lines, total = capsys.readouterr().out.splitlines()
    assert [line.split(" trials")[0].split()[-1] for line in lines] == ["12", "4", "4"]
    assert total.startswith("3 plans, ")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(sys, "argv", ["fidelity.py", *arguments])
    fidelity.main()
    text = capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"fidelity.{kind}" for kind in ("md", "csv", "png", "svg")
    }
    assert (tmp_path / "out" / "fidelity.md").read_text(encoding="utf-8") == text.removesuffix("\n")
    assert "| pgd-2, 1 epoch, C=2, 16 images (standard) | 4 | 0 | 0.0 |" in text
    monkeypatch.setattr(sys, "argv", ["fidelity.py", *arguments, "--dry-run"])
    fidelity.main()
    *lines, total = capsys.readouterr().out.splitlines()
    assert all("    0 trials" in line and "trials of the store" in line for line in lines)
    assert total == "3 plans, 0.0 hours of one worker to do"
