"""Builds that keep weights."""

import os

import pytest

from robnas.building import Limits, Plan, load_and_expand, load_network, load_trained, run_plan
from robnas.building import _keeping as keeping
from robnas.records import RecordStore

PLAN = {
    "name": "kept",
    "seeds": [0],
    "space": {
        "name": "nas-bench-201",
        "channels": 2,
        "cells": 1,
        "kind": "list",
        "architectures": ["323133", "000000"],
    },
    "data": {"name": "digits", "limit_train": 64},
    "recipe": {"preset": "digits", "epochs": 1},
    "evaluation": {
        "splits": ["test"],
        "images": {"test": 20},
        "checks": False,
        "attacks": [{"name": "fgsm", "epsilon": "16/255"}],
    },
}


class Here:
    """An executor that works in this process."""

    slots = 1

    def __init__(self, trainer, **_):
        self.trainer, self.waiting = trainer, []
        trainer.prepare()

    def submit(self, trials):
        self.waiting += trials

    def wait(self, timeout):
        found, self.waiting = [(trial, self.trainer(trial)) for trial in self.waiting], []
        return found

    def close(self):
        pass


@pytest.fixture
def build(url, tmp_path, monkeypatch):
    from robnas.building import EXECUTORS

    monkeypatch.setitem(EXECUTORS, "here", Here)
    expansion = load_and_expand(Plan.from_dict(PLAN))

    def run(folder=tmp_path / "weights", **settings):
        notes = []
        with RecordStore(url) as store:
            result = run_plan(
                expansion, store, executor="here", weights_dir=folder, note=notes.append, limits=Limits(), **settings
            )
            return expansion, result, len(store.records()), notes

    return run


def test_every_trial_leaves_a_file_that_comes_back(build, tmp_path):
    expansion, result, _, notes = build()
    assert result.done == 2
    assert {path.name for path in (tmp_path / "weights").iterdir()} == {
        f"{trial.hash}.safetensors" for trial in expansion.trials
    }
    for trial in expansion.trials:
        kept = load_trained(tmp_path / "weights" / f"{trial.hash}.safetensors")
        assert (kept.trial.architecture.text, kept.trial.seed) == (trial.architecture, 0)
        assert kept.inputs.content_hash == expansion.dataset_hash
    assert not any("no weights" in note for note in notes)


def test_a_disk_that_takes_no_weights_loses_no_record(build, tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    keeping._say.cache_clear()
    expansion, result, records, notes = build()
    assert (result.done, result.failed) == (2, 0)
    assert records == 2 * len(expansion.measurements)
    assert len([text for text in caplog.messages if "weights are not kept in" in text]) == 1
    assert "No space left on device; free some space" in caplog.text
    assert f"2 of 2 done trials have no weights in {tmp_path / 'weights'}; their records are kept" in notes


def test_going_on_with_a_build_keeps_the_weights_of_the_rest(build):
    expansion, _, _, _ = build(folder=None, limit=1)
    _, result, _, notes = build()
    assert result.done == 1
    assert any("1 of 2 done trials have no weights" in note for note in notes)
    assert expansion.trials


def test_weights_are_those_that_were_measured(build, tmp_path):
    """The network of a file has the accuracy of the record."""
    expansion, *_ = build()
    trial = expansion.trials[0]
    network = load_network(tmp_path / "weights" / f"{trial.hash}.safetensors")
    test = expansion.plan.source.load().split("test").limit(20)
    accuracy = (network(test.images.float() / 255).argmax(1) == test.labels).float().mean().item()
    with RecordStore(f"sqlite:///{tmp_path}/runs.db") as store:
        (record,) = store.records(metric="clean", architecture=trial.architecture)
    assert record.value == pytest.approx(accuracy, abs=1e-6)
