import pytest

from robnas.data import load_data
from robnas.networks import build_network
from robnas.training import Recipe, train


@pytest.fixture(scope="session")
def data():
    return load_data("digits")


@pytest.fixture(scope="session")
def network(data):
    """Trained as for the bundled table; tests leave it in evaluation mode."""
    recipe = Recipe.digits().replace(epochs=4)
    network = build_network("323133", num_classes=10, channels=8, cells=1, in_channels=1, mean=data.mean, std=data.std)
    train(network, data, recipe, seed=0)
    return network
