import pytest

from robnas.attacks import PGD
from robnas.data import load_data
from robnas.networks import build_network
from robnas.training import Recipe
from robnas.types import ThreatModel


@pytest.fixture(scope="session")
def data():
    return load_data("digits").limit(train=96)


@pytest.fixture
def tiny():
    """A recipe of a fraction of a second."""
    return Recipe.digits().replace(
        name="tiny",
        epochs=3,
        batch_size=40,
        attack=PGD(ThreatModel.linf("32/255"), steps=2, step_size=20 / 255),
    )


@pytest.fixture
def build(data):
    def make(code="323143", seed=0, channels=2):
        return build_network(
            code, num_classes=10, channels=channels, cells=1, in_channels=1, mean=data.mean, std=data.std,
            seed=seed,
        )  # fmt: skip

    return make
