"""What is measured after each epoch, and trainings that pause."""

import json
import random

import numpy as np
import pytest
import torch

from robnas.errors import CheckpointError, InputError
from robnas.evaluation import Suite, evaluate
from robnas.training import LOG, train


def weights(network):
    return [value.clone() for value in network.state_dict().values()]


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture
def measure(data, tiny):
    """Accuracies on training images, and what a rude caller draws and leaves behind."""
    suite = Suite("curve", (tiny.attack,), {}, checks=False)

    def measure(network, epoch):
        assert not network.training
        found = evaluate(network, data, suite, split="train", seed=0, limit=32)
        figures = {one.metric: one.value for one in found.measurements}
        figures["drawn"] = torch.rand(()).item() + np.random.rand() + random.random() + epoch  # noqa: NPY002
        network.train()
        torch.manual_seed(0)
        return figures

    return measure


def test_measuring_changes_nothing_of_a_training(data, tiny, build, measure, tmp_path):
    plain, measured, kept = build(), build(), build()
    random.seed(1)
    np.random.seed(2)  # noqa: NPY002
    torch.manual_seed(3)
    state = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    history = train(plain, data, tiny, seed=3)
    again = train(measured, data, tiny, seed=3, measure=measure)
    train(kept, data, tiny, seed=3, measure=measure, directory=tmp_path)
    assert equal(weights(plain), weights(measured))
    assert equal(weights(plain), weights(kept))
    assert [one.loss for one in history] == [one.loss for one in again]
    assert [one.measured for one in history] == [None] * 3
    assert [set(one.measured) for one in again] == [{"clean", "pgd@32/255", "drawn"}] * 3
    assert not measured.training
    assert random.getstate() == state[0]
    assert np.random.get_state()[1].tolist() == state[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), state[2])


@pytest.mark.parametrize("measured", [False, True])
def test_a_training_that_pauses_ends_as_one_that_does_not(data, tiny, build, measure, tmp_path, measured):
    tool = measure if measured else None
    whole = build()
    history = train(whole, data, tiny, seed=3, directory=tmp_path / "whole", measure=tool)
    for until in (1, 1, 2, None):
        network = build(seed=until or 9)  # its first weights do not matter after the first epoch
        if until == 1:
            network = build()
        found = train(network, data, tiny, seed=3, directory=tmp_path / "paused", measure=tool, until=until)
        assert len(found) == (until or 3)
    assert equal(weights(whole), weights(network))
    assert [(one.loss, one.learning_rate, one.measured) for one in found] == [
        (one.loss, one.learning_rate, one.measured) for one in history
    ]
    lines = [json.loads(line) for line in (tmp_path / "paused" / LOG).read_text().splitlines()]
    assert [line.get("measured") for line in lines] == [one.measured for one in history]


def test_epochs_before_a_resumption_are_not_measured_again(data, tiny, build, measure, tmp_path):
    train(build(), data, tiny, seed=0, directory=tmp_path, until=1)
    history = train(build(), data, tiny, seed=0, directory=tmp_path, measure=measure)
    assert [one.measured is None for one in history] == [True, False, False]
    again = train(build(), data, tiny, seed=0, directory=tmp_path)
    assert [one.measured for one in again] == [one.measured for one in history]


def test_a_checkpoint_beyond_the_pause_stays(data, tiny, build, tmp_path):
    whole, again = build(), build()
    train(whole, data, tiny, seed=0, directory=tmp_path)
    assert len(train(again, data, tiny, seed=0, directory=tmp_path, until=1)) == 3
    assert equal(weights(whole), weights(again))


def test_a_pause_needs_a_folder_and_an_epoch_of_the_recipe(data, tiny, build, tmp_path):
    with pytest.raises(InputError, match="until: expected a directory, in which the training can go on, got none"):
        train(build(), data, tiny, seed=0, until=1)
    with pytest.raises(InputError, match="until: expected at most the 3 epochs of the recipe, got 4"):
        train(build(), data, tiny, seed=0, directory=tmp_path, until=4)
    with pytest.raises(InputError, match="until: expected at least 1, got 0"):
        train(build(), data, tiny, seed=0, directory=tmp_path, until=0)
    assert len(train(build(), data, tiny.replace(epochs=1), seed=0, until=1)) == 1


@pytest.mark.parametrize(
    "wrong",
    [None, 0.5, {"a": "b"}, {"a": float("nan")}, {1: 0.5}, {"a": [0.5]}, {"a": None}, {"a": np.ones(2)}, {"a": 1j}],
)
def test_what_is_no_figure_is_refused(data, tiny, build, tmp_path, wrong):
    with pytest.raises(InputError, match="what was measured after epoch 1: expected finite numbers by name, got "):
        train(build(), data, tiny, seed=0, directory=tmp_path, measure=lambda network, epoch: wrong)
    assert not (tmp_path / LOG).exists()  # a training that goes on measures this epoch


@pytest.mark.parametrize("wrong", [{"clean": "0.5"}, {1: 0.5}, [0.5], {"clean": None}])
def test_a_checkpoint_with_damaged_figures_is_said(data, tiny, build, tmp_path, monkeypatch, wrong):
    monkeypatch.setattr("robnas.training._train._measured", lambda *_: wrong)
    train(build(), data, tiny, seed=0, directory=tmp_path, measure=lambda *_: {}, until=1)
    with pytest.raises(CheckpointError, match="expected weights that fit the network, got ValueError"):
        train(build(), data, tiny, seed=0, directory=tmp_path)
