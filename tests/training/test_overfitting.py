"""Catastrophic overfitting of single-step training is recorded and said; several steps cost no check."""

import json
import warnings

import pytest
import torch

from robnas.attacks import PGD
from robnas.data import load_data
from robnas.training import LOG, EpochLog, TrainingWarning, overfitting, train
from robnas.types import ThreatModel

pytestmark = pytest.mark.usefixtures("one_thread")


def single_step(epsilon, step, **settings):
    return PGD(ThreatModel.linf(epsilon / 255), steps=1, step_size=step / 255, **settings)


def test_a_training_that_overfits_its_single_step_says_so(tiny, build, tmp_path):
    recipe = tiny.replace(epochs=8, batch_size=64, attack=single_step(64, 128))
    data = load_data("digits").limit(train=300)
    text = r"catastrophic overfitting: in epoch 8 accuracy is 0\.\d\d under the training attack of one step and 0\.\d\d"
    with pytest.warns(TrainingWarning, match=text) as caught:
        history = train(build("323133", channels=8), data, recipe, seed=0, directory=tmp_path)
    assert len(caught) == 1
    assert history[-1].overfitted
    assert history[-1].pgd_accuracy < history[-1].attack_accuracy / 2
    assert not history[0].overfitted
    assert str(caught[0].message) == overfitting(history)
    line = json.loads((tmp_path / LOG).read_text().splitlines()[-1])
    assert (line["attack_accuracy"], line["pgd_accuracy"]) == (history[-1].attack_accuracy, history[-1].pgd_accuracy)
    with pytest.warns(TrainingWarning, match="catastrophic"):
        again = train(build("323133", channels=8), data, recipe, seed=0, directory=tmp_path)
    assert again == history


def test_a_sound_single_step_training_is_not_suspected(data, tiny, build):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = train(build(), data, tiny.replace(attack=single_step(8, 10)), seed=0)
    assert all(0 <= entry.pgd_accuracy <= entry.attack_accuracy + 0.05 for entry in history)
    assert overfitting(history) is None


def test_the_check_changes_no_weight(data, tiny, build, monkeypatch):
    recipe, states = tiny.replace(attack=single_step(32, 40)), []
    for checked in (True, False):
        if not checked:
            monkeypatch.setattr("robnas.training._overfitting.is_checked", lambda recipe: False)
        network = build()
        train(network, data, recipe, seed=0)
        states.append(network.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


@pytest.mark.parametrize("change", [{}, {"beta": 0.0}])
def test_without_a_single_step_nothing_is_measured_or_written(data, tiny, build, tmp_path, monkeypatch, change):
    monkeypatch.setattr("robnas.training._overfitting.accuracies", None)
    attack = {"attack": single_step(32, 40)} if change else {}
    history = train(build(), data, tiny.replace(epochs=1, **change, **attack), seed=0, directory=tmp_path)
    assert history[0].attack_accuracy is None
    assert "pgd_accuracy" not in (tmp_path / LOG).read_text()


@pytest.mark.parametrize(
    ("attack", "pgd", "flagged"),
    [(0.9, 0.0, True), (0.5, 0.2, True), (0.5, 0.3, False), (0.9, 0.6, False), (0.19, 0.0, False), (None, None, False)],
)
def test_what_counts_as_overfitted(attack, pgd, flagged):
    entry = EpochLog(3, 1.0, 0.9, 0.9, 1.0, 0.1, 1.0, attack, pgd)
    assert entry.overfitted == flagged
    assert (overfitting([entry]) is not None) == flagged
    recovered = EpochLog(4, 1.0, 0.9, 0.9, 1.0, 0.1, 1.0, 0.5, 0.5)
    assert overfitting([entry, recovered]) is None


def test_training_attacks_the_function_that_is_trained(data, tiny, build, monkeypatch):
    """Where folding goes wrong, the network itself is attacked, and the training says so."""
    monkeypatch.setattr("torch.nn.functional.relu", lambda x: x.clamp(min=0.5))
    network, plain = build(), torch.nn.Sequential(build())
    with pytest.warns(TrainingWarning, match="attacked as it is, not folded: its logits differ by up to"):
        train(network, data, tiny.replace(epochs=1), seed=0)
    train(plain, data, tiny.replace(epochs=1), seed=0)
    assert all(map(torch.equal, network.state_dict().values(), plain.state_dict().values()))
