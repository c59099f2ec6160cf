"""Networks that draw from global generators: the seed of the training decides, and nobody else notices."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from robnas.errors import DivergedError
from robnas.training import train

pytestmark = pytest.mark.usefixtures("one_thread")


class Noise(nn.Module):
    """Draws from every global generator, in both modes."""

    def forward(self, x):
        return x + 0.1 * torch.randn_like(x) * random.random() * np.random.rand()  # noqa: NPY002


def stochastic():
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.5), Noise(), nn.Linear(16, 10))


def seed_all(seed):
    random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)  # noqa: NPY002


def drawn():
    return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002


def trained(data, recipe, seed, **options):
    network = stochastic()
    history = train(network, data, recipe, seed=seed, **options)
    return [parameter.detach().clone() for parameter in network.parameters()], history


def equal(first, second):
    return all(map(torch.equal, first, second))


@pytest.mark.parametrize("objective", ["mixed", "trades"])
def test_the_seed_decides_a_training_with_dropout(data, tiny, objective):
    recipe, results = tiny.replace(objective=objective), []
    for outer, seed in ((1, 0), (2, 0), (1, 1)):
        seed_all(outer)
        results.append(trained(data, recipe, seed))
    assert equal(results[0][0], results[1][0])
    assert not equal(results[0][0], results[2][0])
    figures = [[(e.loss, e.clean_accuracy, e.robust_accuracy) for e in history] for _, history in results]
    assert figures[0] == figures[1]


def test_epochs_draw_different_masks(data, tiny):
    masks = []

    class Watching(nn.Module):
        def forward(self, x):
            if self.training:
                masks.append(torch.rand(4))
            return x

    network = nn.Sequential(Watching(), stochastic())
    train(network, data, tiny.replace(epochs=2, beta=0.0, batch_size=96), seed=0)
    assert not torch.equal(*masks)


def test_a_resumed_training_with_dropout_ends_where_a_whole_one_does(data, tiny, tmp_path):
    class StoppedError(Exception):
        pass

    def stop(done, total, text):
        if done == total - 1:
            raise StoppedError

    seed_all(1)
    whole, history = trained(data, tiny, 0)
    seed_all(2)
    with pytest.raises(StoppedError):
        trained(data, tiny, 0, directory=tmp_path, progress=stop)
    drawn()
    resumed, again = trained(data, tiny, 0, directory=tmp_path)
    assert equal(whole, resumed)
    assert [entry.clean_accuracy for entry in history] == [entry.clean_accuracy for entry in again]


def test_the_callers_generators_stay_as_they_were(data, tiny):
    seed_all(7)
    expected = drawn()
    seed_all(7)
    trained(data, tiny.replace(epochs=1), 0)
    assert drawn() == expected
    seed_all(7)
    with pytest.raises(DivergedError):
        train(stochastic(), data, tiny.replace(beta=0.0, max_lr=1e6, start_divisor=1.0, epochs=9), seed=0)
    assert drawn() == expected
