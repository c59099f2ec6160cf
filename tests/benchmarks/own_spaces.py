"""Spaces of other numbers than those that come with robnas, and a table of any space."""

import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.spaces import SPACES, Gene, Space, space_of

GENES = (Gene("depth", (1, 2, 3), ordered=True), Gene("norm", (None, "batch, 1")), Gene("width", (4, 8, 16, 32)))
TOY = Space("toy", genes=GENES)
HUGE = Space("huge", genes=[Gene(f"gene_{number}", tuple(range(10))) for number in range(40)])
WIDE, THEORY, CELLS = SPACES["wide-resnet"], SPACES["theory"], space_of(None)
ALL = {space.name: space for space in (TOY, HUGE, WIDE, THEORY, CELLS)}
CLEAN = {"dataset": "digits", "metric": "clean", "split": "test"}
SMALL, LARGE = CELLS.configure(channels=4, cells=1), CELLS.configure(channels=8, cells=1)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """The spaces of this file, registered."""
    for space in (TOY, HUGE):
        dict.__setitem__(SPACES, space.name, space)
    yield
    for space in (TOY, HUGE):
        dict.pop(SPACES, space.name)


def some(space, count=9):
    return space.sample(np.random.default_rng(0), count)


def table_of(space, count=9, **settings):
    """Two runs of clean accuracy, their mean under an attack; a missing value in each."""
    runs = np.linspace(0.1, 0.9, 2 * count).reshape(count, 2)
    runs[1, 1] = np.nan
    attacked = runs[:, [0]] / 2
    attacked[0] = np.nan
    columns = [
        Column("digits", "test", "clean", runs, (0, 3), space=space.key),
        Column("digits", "test", "pgd@8/255", attacked, runs=2, space=space.key),
    ]
    return Table("mine", some(space, count), columns, space=space, provenance={"by": "me"}, **settings)


@pytest.fixture(params=ALL)
def space(request):
    """Each of them."""
    return ALL[request.param]


def two_sizes():
    """Clean accuracies of networks of two sizes."""
    columns = [
        Column("digits", "test", "clean", np.array([[value], [value / 2]]), (0,), space=space.key)
        for space, value in ((SMALL, 0.5), (LARGE, 0.75))
    ]
    return Table("both", ["323133", "444444"], [*columns, Column("digits", "test", "pgd@8/255", [[0.1], [0.2]])])
