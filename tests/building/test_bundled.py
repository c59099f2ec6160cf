"""The bundled table says how it was built, and building a part of it again gives its numbers."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import robnas
from robnas._settings import content_hash
from robnas.benchmarks import BUNDLED
from robnas.building import Plan, TrainAndEvaluate, load_and_expand
from robnas.records import QueuedTrial
from robnas.spaces import partition

ROOT = Path(__file__).resolve().parents[2]
NOISES = 6  # standard deviations of one training by which another machine may differ: 10 comparisons, heavy tails


@pytest.fixture(scope="module")
def table():
    return robnas.load("digits")


@pytest.fixture(scope="module")
def expansion():
    return load_and_expand(Plan.read(ROOT / "experiments" / "digits.toml"))


def this_machine():
    spec = importlib.util.spec_from_file_location("digits_table", ROOT / "experiments" / "digits_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.machine()


def test_it_is_the_plan_of_the_repository(table, expansion):
    """It was built when the size of the network stood in the recipe, and says the hashes of that time."""
    made, wanted = table.provenance, expansion.plan
    trials = [QueuedTrial.of(expansion.earlier_setup, arch.text, seed).hash for arch, seed in wanted.pairs]
    assert (made["plan_hash"], made["setup_hash"]) == (
        content_hash({"trials": sorted(trials)}),
        expansion.earlier_setup,
    )
    # Curves decide neither what is trained nor a hash.
    measuring = replace(wanted.measuring, curve=Plan.from_dict(made["plan"]).measuring.curve)
    assert Plan.from_dict(made["plan"]) == replace(wanted, measuring=measuring)
    assert wanted.space.of.key == "nas-bench-201:channels=8,cells=1"
    earlier = wanted.recipe.earlier_hash(wanted.space.of.settings)
    assert {column.facts["recipe"] for column in table.columns} <= {earlier, wanted.recipe.hash}
    assert {column.facts["dataset_version"] for column in table.columns} == {expansion.dataset_hash}


def test_every_class_was_trained_and_500_three_times(table):
    assert table.partition == "official"
    assert len(table) == partition("official").count == 6466
    assert {(column.dataset, column.split, column.seeds) for column in table.columns} == {
        ("digits", split, (0, 1, 2)) for split in ("validation", "test")
    }
    for column in table.columns:
        assert np.isfinite(column.values[:, 0]).all()
        assert (np.isfinite(column.values).all(axis=1).sum(), np.isfinite(column.values[:, 1:]).sum()) == (500, 1000)
    assert (table.provenance["trials"], table.provenance["missing_trials"]) == (7466, 0)
    assert table.provenance["failed_trials"] == table.provenance["doubtful_trials"] == 0


def test_its_architectures_stand_apart_well_above_the_noise_of_training(table):
    for column in table.columns:
        where = {"dataset": column.dataset, "metric": column.metric, "split": column.split}
        assert np.nanstd(column.values[:, 0]) > 2 * table.noise(**where).run_sd


def test_the_strongest_attack_never_beats_the_weaker_ones_by_more_than_the_noise(table):
    for split in ("validation", "test"):
        clean, fgsm, pgd = (
            table.values("digits", metric, split=split) for metric in ("clean", "fgsm@32/255", "pgd@32/255")
        )
        assert (clean >= fgsm - 0.02).all()
        assert (fgsm >= pgd - 0.02).all()


def test_the_file_is_small_and_part_of_the_package():
    assert BUNDLED["digits"].stat().st_size < 3e6
    assert BUNDLED["digits"].parent == Path(robnas.benchmarks.__file__).parent


@pytest.mark.usefixtures("one_thread")
def test_training_an_architecture_again_gives_the_stored_values(table, expansion):
    trial = expansion.trials[np.random.default_rng(2024).integers(len(expansion.trials))]
    plan = expansion.plan
    train = TrainAndEvaluate(
        source=plan.source, recipe=plan.recipe, measuring=plan.measuring, dataset_hash=expansion.dataset_hash
    )
    same = table.provenance["torch_version"] == [torch.__version__] and table.provenance["machine"] == this_machine()
    for record in train(trial).records:
        where = {"dataset": "digits", "metric": record.metric, "split": record.split}
        stored = float(table.peek(trial.architecture, **where, seed=trial.seed))
        if same:
            assert record.value == stored, (trial.architecture, record.metric)
        else:
            assert abs(record.value - stored) < NOISES * table.noise(**where).run_sd
