"""Small tables, page files in the published forms, a cache of its own, the published tables read once."""

import functools
import json

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, fetch
from robnas.errors import DataError
from robnas.spaces import SIZE, architectures, partition
from tests.conftest import shared_file
from tests.data.conftest import Site

PAGE, ACC, OPS = "NAS-RobBench-201_html.json", "acc.json", "ops.json"
ALL_SEEDS, META = "NAS-RobBench-201_all.json", "meta.json"
DATASETS = ("cifar10", "cifar100", "imagenet")
METRICS = ("val_acc", "val_fgsm_3_acc", "val_pgd_3_acc", "val_fgsm_8_acc", "val_pgd_8_acc", "autoattack")
KEYS = [f"{dataset}#{metric}" for dataset in DATASETS for metric in METRICS]

CODES = ["000000", "333133", "323133", "444444"]
INDICES = [int(code, 5) for code in CODES]
VALUES = np.array([[0.1, 0.1, np.nan], [0.7, 0.8, 0.9], [0.6, 0.7, np.nan], [np.nan, np.nan, np.nan]])
SEEDS = (1, 2, 7)
MEANS = [0.1, 0.8, 0.65, np.nan]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The folder of the cache, empty and away from the user's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "robnas" / "tables"


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    site = Site()
    yield site
    site.close()


def small_table(name="small", **settings):
    """Four architectures: `VALUES` by seed as cifar10's clean test accuracy, one run of AutoAttack, means of 3."""
    columns = [
        Column("cifar10", "test", "clean", VALUES, SEEDS),
        Column("cifar10", "test", "autoattack@8/255", np.array([[0.1], [0.44], [0.45], [0.2]])),
        Column("cifar10", "validation", "clean", np.array([[0.1], [0.79], [0.78], [np.nan]]), runs=3),
        Column("cifar100", "test", "pgd@8/255", np.array([[0.01], [0.2], [np.nan], [0.3]]), (1,)),
    ]
    return Table(name, INDICES, columns, **settings)


@pytest.fixture
def small():
    return small_table()


def same_table(first, second):
    """Whether two tables hold the same, missing values and seeds included."""
    assert (first.name, first.partition) == (second.name, second.partition)
    assert first.provenance == second.provenance
    assert np.array_equal(first.rows, second.rows)
    assert (first.published is None) == (second.published is None)
    assert first.published is None or np.array_equal(first.published, second.published)
    for ours, theirs in zip(first.columns, second.columns, strict=True):
        assert (ours.name, ours.seeds, ours.runs) == (theirs.name, theirs.seeds, theirs.runs)
        assert np.array_equal(ours.values, theirs.values, equal_nan=True)
    return True


def table_or_error(read, name):
    """`read` gives a table, or one error of one line that begins with `name`; anything else is raised."""
    try:
        table, error = read(), None
    except DataError as raised:
        table, error = None, str(raised)
    assert isinstance(table, Table) or (error.isprintable() and error.startswith(name)), error
    return table


# files in the published forms, with the project's own order as the published one


@functools.cache
def representatives():
    """Published index of every architecture's representative."""
    official = partition("official")
    _, first = np.unique(official.class_of, return_index=True)
    return first[official.class_of].tolist()


def page(keys=("cifar10#val_acc",), value=0.5):
    """Content of a page file: every representative has `value` in all columns."""
    entries = {
        str(number): [value] * len(keys) if number == stands_for else str(stands_for)
        for number, stands_for in enumerate(representatives())
    }
    return {"": list(keys), **entries}


def page_text(content):
    return "acc=" + json.dumps(content) + ";"


@functools.cache
def ops_text():
    return "arch=" + json.dumps([arch.code for arch in architectures()])


@functools.cache
def meta_text():
    ids = {
        str(arch.index): {"nb201-string": arch.genotype, "isomorph": str(representatives()[arch.index])}
        for arch in architectures()
    }
    return json.dumps({"ids": ids, "epsilons": {"pgd@Linf": [3.0, 8.0]}})


def published_text(name):
    """What a published file assigns, read without the package."""
    return json.loads(shared_file("data", "published", name).read_text().partition("=")[2].rstrip().rstrip(";"))


@pytest.fixture(scope="session")
def published_codes():
    """Digit code of every published index."""
    codes = published_text(OPS)
    assert len(codes) == SIZE
    return codes


def _published(name, main, factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(factory.mktemp("cache")))
        return fetch(name, shared_file("data", "published", main).parent)


@pytest.fixture(scope="session")
def robbench(tmp_path_factory):
    """The published table, from its file."""
    return _published("nas-robbench-201", PAGE, tmp_path_factory)


@pytest.fixture(scope="session")
def jung(tmp_path_factory):
    return _published("jung-2023", ACC, tmp_path_factory)


@pytest.fixture(scope="session")
def jung_full(tmp_path_factory):
    """The table of the authors' full files."""
    folders = [shared_file("data", "jung", "cifar10", "clean_accuracy.json").parents[1],
               shared_file("data", "published", META).parent]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return fetch("jung-2023", folders)
