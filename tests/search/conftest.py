"""A synthetic table of all 15,625 cells, so that the tests need no published one."""

import functools

import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.search import Task
from robnas.spaces import architectures, partition
from robnas.spaces import canonical as canonical_form

STRENGTH = {"0": 0.0, "1": 0.3, "2": 0.6, "3": 1.0, "4": 0.2}


@functools.cache
def everything():
    return tuple(architectures())


def _noise(text, salt):
    return np.random.default_rng([salt, *text.encode()]).normal()


@functools.cache
def synthetic():
    """One row per official class: accuracy grows with live convolutions, saturates, and is rugged.

    `clean` and `pgd@8/255` disagree about depth; `validation` has three seeds, `test` their mean under other noise;
    the data set `other` is a related one.
    """
    rows = [arch.index for arch in partition("official").representatives()]
    signal, depth = np.empty(len(rows)), np.empty(len(rows))
    for place, index in enumerate(rows):
        arch = everything()[index]
        live = [d for d, alive in zip(arch.code, arch.live_edges, strict=True) if alive]
        signal[place] = sum(STRENGTH[digit] for digit in live) + 0.15 * _noise(canonical_form(arch, "official"), 0)
        depth[place] = sum(digit == "1" for digit in live)
    rng = np.random.default_rng(7)
    clean = 0.2 + 0.6 * np.tanh(signal / 3)
    pgd = 0.1 + 0.4 * np.tanh((signal + 0.15 * depth) / 3)

    def seeds(mean):
        return np.clip(mean[:, None] + rng.normal(0, 0.005, (len(rows), 3)), 0, 1)

    columns = []
    for dataset, factor in (("cifar10", 1.0), ("other", 0.5)):
        for metric, mean in (("clean", clean), ("pgd@8/255", pgd)):
            columns.append(Column(dataset, "validation", metric, seeds(factor * mean), (1, 2, 3)))
            columns.append(Column(dataset, "test", metric, (factor * mean)[:, None], runs=3))
    return Table("synthetic", rows, columns, partition="official")


@pytest.fixture
def table():
    return synthetic()


@functools.cache
def _task(*metrics, **settings):
    return Task.named(synthetic(), "cifar10", metrics, **{"split": "validation", **settings})


@pytest.fixture
def task():
    """CIFAR-10, validation, PGD."""
    return _task("pgd@8/255")


@pytest.fixture
def noisy():
    return _task("pgd@8/255", noise="gaussian")


@pytest.fixture
def several():
    """Clean, robust and size."""
    return _task("clean", "pgd@8/255", costs=("macs",))


def partial_table(count=200, missing=()):
    """Some architectures only, each for itself, with holes."""
    drawn = np.sort(np.random.default_rng(3).choice(15625, count, replace=False))
    values = np.linspace(0.1, 0.9, count)[:, None]
    values[list(missing)] = np.nan
    return Table("partial", drawn, [Column("cifar10", "test", "clean", values, (1,))])
