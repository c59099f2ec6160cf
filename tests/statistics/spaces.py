"""Tables of other spaces than NAS-Bench-201: small, of other numbers than 5 and 6; whole; too large to list."""

import functools

import numpy as np

from robnas.benchmarks import Column, Table
from robnas.spaces import SPACES, Gene, Space

TOY = Space(
    "toy",
    genes=(Gene("depth", (1, 2, 3)), Gene("width", (4, 8), ordered=True), Gene("act", ("relu", "gelu", "elu", "tanh"))),
)
LARGE = Space("large", genes=tuple(Gene(f"gene_{number}", tuple(range(10)), ordered=True) for number in range(40)))
NARROW, BROAD = "nas-bench-201:channels=8,cells=1", "nas-bench-201:channels=16,cells=5"


def columns_of(strength, rng, *, seeds=(0, 1, 2), sd=0.005, space=None, dataset="cifar10"):
    """Clean, FGSM and PGD accuracies around a strength in [0, 1], shape (rows,), with noise between seeds."""
    width = len(seeds) or 1
    return [
        Column(
            dataset, "test", metric,
            np.clip(base + factor * strength[:, None] + rng.normal(0, sd, (len(strength), width)), 0, 1),
            seeds, 1 if seeds else 3, {"images": 10_000, "num_classes": 10}, space,
        )
        for metric, base, factor in (("clean", 0.3, 0.6), ("fgsm@8/255", 0.15, 0.45), ("pgd@8/255", 0.1, 0.4))
    ]  # fmt: skip


def strengths(space, architectures, salt=0):
    """Grows with the places of the choices, most with those of the first gene; shape (architectures,)."""
    places = space.position_array(architectures) / np.maximum([len(gene) - 1 for gene in space.genes], 1)
    weights = 0.5 ** np.arange(len(space.genes))
    mixed = places @ weights / weights.sum()
    return 0.85 * mixed + 0.15 * np.random.default_rng(salt).random(len(mixed))


@functools.cache
def toy(seeds=(0, 1, 2)):
    """All 24 architectures of `TOY`, in another order than the space's own."""
    rng = np.random.default_rng(0)
    architectures = [TOY.from_index(int(index)) for index in rng.permutation(24)]
    return Table("toys", architectures, columns_of(strengths(TOY, architectures), rng, seeds=seeds), space=TOY)


@functools.cache
def wide():
    """The whole space ``wide-resnet``."""
    space = SPACES["wide-resnet"]
    architectures = tuple(space)
    columns = columns_of(strengths(space, architectures), np.random.default_rng(1), seeds=(0,))
    return Table("wides", architectures, columns, space=space)


@functools.cache
def large(count=60):
    """Some of 10⁴⁰ architectures."""
    rng = np.random.default_rng(2)
    architectures = LARGE.sample(rng, count)
    return Table("vast", architectures, columns_of(strengths(LARGE, architectures), rng, seeds=(0, 1)), space=LARGE)


@functools.cache
def two_widths():
    """40 cells trained with skeletons of two sizes; the broader ones are better, and one metric was measured there."""
    space, rng = SPACES["nas-bench-201"], np.random.default_rng(3)
    strength = strengths(space, [space.from_index(index) for index in range(40)])
    few = columns_of(strength * 0.6, rng, seeds=(0, 1), space=NARROW)[::2]
    return Table("widths", range(40), [*few, *columns_of(strength, rng, seeds=(0, 1), space=BROAD)])
