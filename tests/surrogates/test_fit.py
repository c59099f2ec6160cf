import numpy as np
import pytest

from robnas.errors import InputError
from robnas.spaces import SPACES
from robnas.surrogates import fit

SPACE = SPACES["nas-bench-201"]


def known(count, seed=0):
    rng = np.random.default_rng(seed)
    architectures = SPACE.sample(rng, count)
    return architectures, np.array([arch.code.count("3") - arch.code.count("0") for arch in architectures]) / 10


def test_a_surrogate_predicts_a_mean_inside_its_interval_for_every_architecture():
    architectures, values = known(60)
    others, truth = known(100, seed=1)
    found = fit(architectures, values).predict(others)
    assert np.corrcoef(found.mean, truth)[0, 1] > 0.8
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()
    assert (found.sd > 0).all()
    assert found.level == 0.9


def test_too_few_values_are_refused():
    with pytest.raises(InputError, match="one finite value for each of at least 5 architectures"):
        fit(*known(4))
