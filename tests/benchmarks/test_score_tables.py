"""Scores of untrained networks that a table holds stand for those of a file."""

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, fetch, load_scores, scores_of, write_table
from robnas.errors import DataError, InputError
from robnas.spaces import Architecture
from tests.benchmarks.costs import suite_content, suite_entry, write_suite
from tests.test_cli import robnas

SUITE = "nas-bench-suite-zero"
CODES = ["000000", "013240", "323133", "421211"]
SOME = [Architecture(code) for code in CODES]


def scored(*columns, name="scored"):
    return Table(name, CODES, columns)


def score(metric, values, dataset="cifar10", **settings):
    return Column(dataset, "test", metric, np.array(values, dtype=float)[:, None], **({"unit": "score"} | settings))


@pytest.fixture
def suite(tmp_path):
    fetch(SUITE, write_suite(tmp_path / "zc_nasbench201.json", suite_content(SOME)))


def test_a_published_table_of_scores_is_named(suite):
    found = load_scores(SUITE, dataset="cifar100")
    assert (found.codes, found.space.name) == (tuple(CODES), "nas-bench-201")
    assert (found.settings["data"], found.settings["table"]) == ("cifar100", SUITE)
    assert len(found.names) == 13
    assert not {"clean"} & set(found.names)
    wanted = [suite_entry(arch, place=1)["synflow"]["score"] for arch in SOME]
    assert found.at(CODES, "synflow").tolist() == wanted


def test_the_data_set_is_named_where_there_are_several(suite):
    for dataset, got in ((None, "none"), ("svhn", "'svhn'")):
        with pytest.raises(InputError, match=f"expected one of cifar10, cifar100, imagenet16-120, got {got}$"):
            load_scores(SUITE, dataset=dataset)


def test_a_table_file_will_do(tmp_path):
    write_table(scored(score("a", [1, 2, np.nan, 4]), score("b", [3, 1, np.nan, 2])), tmp_path / "mine.parquet")
    found = load_scores(tmp_path / "mine.parquet")
    assert found.names == ("a", "b")
    assert found.codes == ("000000", "013240", "421211")  # what has no score is left out


def test_costs_and_accuracies_are_no_scores():
    columns = [
        score("a", [1, 2, 3, 4]),
        score("latency:pixel3", [1, 2, 3, 4], unit="ms", direction="minimise"),
        score("clean", [0.1, 0.2, 0.3, 0.4], unit=""),
    ]
    assert scores_of(scored(*columns)).names == ("a",)
    with pytest.raises(InputError, match=r"expected scores such as those of nas-bench-suite-zero, got none"):
        scores_of(scored(*columns[1:]))


def test_what_is_neither_is_said_to_be_no_file_of_scores(tmp_path):
    (tmp_path / "junk.parquet").write_bytes(b"junk")
    for name in ("junk.parquet", "nothing.parquet"):
        with pytest.raises(DataError, match=f"{name}: expected a file of scores, got"):
            load_scores(tmp_path / name)


def test_the_command_fetches_a_file_whatever_its_name(tmp_path, capsys):
    path = write_suite(tmp_path / "downloaded.json", suite_content(SOME, datasets=("cifar10",)))
    code, out, _ = robnas(capsys, "fetch", SUITE, "--from", str(path))
    assert code == 0
    assert "nas-bench-suite-zero: 4 architectures, each standing for itself" in out
    assert "cifar10 test: epe_nas (score, to maximise, one run)" in out
    path.write_text('{"cifar10": {}}')
    code, _, err = robnas(capsys, "fetch", SUITE, "--from", str(path))
    assert code == 2
    assert "zc_nasbench201.json: expected an object with the architectures of cifar10" in err
