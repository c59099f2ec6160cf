"""What an attack asks, and what it leaves behind."""

import random

import numpy as np
import pytest
import torch

from robnas.attacks import seeded_randomness
from robnas.errors import InputError


def drawn():
    return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002


def seed_all(seed):
    random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)  # noqa: NPY002


def test_a_seed_decides_what_the_global_generators_give():
    draws = []
    for seed in (0, 0, 1, 2**63 - 1):
        with seeded_randomness(seed, "cpu"):
            draws.append(drawn())
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


def test_the_callers_generators_stay_as_they_were_also_after_an_error():
    seed_all(7)
    expected = drawn()
    seed_all(7)
    with pytest.raises(ZeroDivisionError), seeded_randomness(0):
        _ = sum(drawn()) / 0
    with seeded_randomness(0), seeded_randomness(1):
        drawn()
    assert drawn() == expected


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5])
def test_a_bad_seed_is_refused(seed):
    with pytest.raises(InputError, match="seed: expected"), seeded_randomness(seed):
        pass
